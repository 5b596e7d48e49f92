import type { AnyConversation } from '../../../client/src/index.ts';
import { ago, count, fullTime } from '../app/format.ts';
import { Icon } from '../ui/Icon.tsx';
import { Avatar, Link, PriorityMark, Tags } from '../ui/parts.tsx';

interface ConversationRowProps {
  readonly conversation: AnyConversation;
  readonly href: string;
  readonly isOpen: boolean;
  readonly isCurrent: boolean;
  readonly unread: number;
  readonly isWaiting: boolean;
  readonly isTyping: boolean;
  readonly hasDraft: boolean;
  /** Who has it: to those who see the conversations of several. */
  readonly showAgent: boolean;
  /** It has gone from the list, and is shown only because somebody points at it. */
  readonly isGone?: boolean;
  readonly at: number;
}

export function ConversationRow(props: ConversationRowProps) {
  const {
    conversation,
    href,
    isOpen,
    isCurrent,
    unread,
    isWaiting,
    isTyping,
    hasDraft,
    showAgent,
    isGone = false,
    at,
  } = props;
  const { candidate, subject, priority, tags, agent, rating } = conversation;
  const time = conversation.lastMessageAt ?? conversation.createdAt;
  const classes = ['row', isOpen && 'open', isCurrent && 'current', unread > 0 && !isGone && 'unread', isGone && 'gone']
    .filter(Boolean)
    .join(' ');
  return (
    <Link href={href} class={classes} aria-current={isOpen ? 'true' : undefined} data-row={conversation.id}>
      <Avatar name={candidate.name} />
      <span class="row-main">
        <span class="row-top">
          <span class="row-name" dir="auto">
            {candidate.name}
          </span>
          <time dateTime={time} title={fullTime(time)}>
            {ago(time, at)}
          </time>
        </span>
        <span class="row-middle">
          <span class="row-subject" dir="auto">
            {subject}
          </span>
          {unread > 0 && !isGone && (
            <span class="badge">
              <span aria-hidden="true">{unread > 99 ? '99+' : unread}</span>
              <span class="visually-hidden">{count(unread, 'unread message')}</span>
            </span>
          )}
        </span>
        <span class="row-bottom">
          {isGone ? (
            <span>No longer in this list</span>
          ) : isTyping ? (
            <span class="row-typing">typing …</span>
          ) : (
            <>
              {hasDraft && <span class="row-draft">Draft</span>}
              {isWaiting && unread === 0 && (
                <span class="row-waiting" title="The customer has the last word">
                  <Icon name="clock" /> Waits
                </span>
              )}
            </>
          )}
          <PriorityMark priority={priority} />
          <Tags tags={tags} most={2} />
          {showAgent && agent && (
            <span class="row-agent" dir="auto">
              {agent.name}
            </span>
          )}
          {rating && (
            <span class="row-rating">
              <Icon name="star" />
              <span class="visually-hidden">Rated </span>
              {rating.score}
            </span>
          )}
        </span>
      </span>
    </Link>
  );
}
