import { useEffect, useState } from 'preact/hooks';
import type { DayFigures, RatingFigures, SupervisorAnalytics } from '../../../client/src/index.ts';
import { niceSpan } from '../app/axes.ts';
import { type Cell, csv } from '../app/csv.ts';
import { useDesk } from '../app/desk.ts';
import { type Failure, failureOf } from '../app/errors.ts';
import { clockTime, count, span } from '../app/format.ts';
import { faultOf, momentsOf, PRESETS, type Preset, type Range, rangeOf, zone } from '../app/ranges.ts';
import { addressOf, go, place } from '../app/router.ts';
import { saveFile } from '../app/saveFile.ts';
import { Icon } from '../ui/Icon.tsx';
import { Empty, Failed, ListStatus, Skeleton } from '../ui/parts.tsx';
import { type Bar, Bars, Lines } from './charts.tsx';

export interface Figures {
  readonly range: Range;
  readonly days: readonly DayFigures[];
  /** `null`: those of a team; who has several sees them only. */
  readonly teams: SupervisorAnalytics | null;
  readonly readAt: number;
}

const isPreset = (name: string): name is Preset => Object.hasOwn(PRESETS, name);

/** Which range the address names: a preset, or two days. */
function wantedRange(query: URLSearchParams): { readonly preset: Preset | 'custom'; readonly range: Range } {
  const [from, to] = [query.get('from'), query.get('to')];
  if (from && to && faultOf({ from, to }) === null) return { preset: 'custom', range: { from, to } };
  const named = query.get('range') ?? '30';
  const preset = isPreset(named) ? named : '30';
  return { preset, range: rangeOf(preset, new Date()) };
}

/** How it went: closed ones, times and ratings, as charts and as numbers. */
export default function AnalyticsPage() {
  const { client, user } = useDesk();
  const { preset, range } = wantedRange(place.value.query);
  const [figures, setFigures] = useState<Figures | null>(null);
  const [failure, setFailure] = useState<Failure | null>(null);
  const [isLoading, setLoading] = useState(false);
  const [again, setAgain] = useState(0);
  const [custom, setCustom] = useState<Range | null>(null);
  const isAdmin = user.role === 'admin';

  useEffect(() => {
    const stop = new AbortController();
    const { signal } = stop;
    const moments = momentsOf(range);
    setLoading(true);
    setFailure(null);
    Promise.all([
      client.http.timeline({ query: { ...moments, timeZone: zone() }, signal }),
      isAdmin ? client.http.supervisorAnalytics({ query: moments, signal }) : null,
    ])
      .then(
        ([{ days }, teams]) => setFigures({ range, days, teams, readAt: Date.now() }),
        (thrown: unknown) => {
          if (!signal.aborted) setFailure(failureOf(thrown));
        },
      )
      .finally(() => {
        if (!signal.aborted) setLoading(false);
      });
    return () => stop.abort();
  }, [client, range.from, range.to, again, isAdmin]);

  const shown = custom ?? range;
  const fault = custom ? faultOf(custom) : null;
  const isOfRange = figures?.range.from === range.from && figures.range.to === range.to;
  return (
    <div class="page scrolling analytics">
      <header class="page-head">
        <h1>Analytics</h1>
        {figures && isOfRange && (
          <ListStatus isLoading={isLoading} onRefresh={() => setAgain(again + 1)}>
            {isAdmin ? 'All teams' : 'Your team'}, {zone()}, as of {clockTime(figures.readAt)}
            {failure && <span role="alert">. Not read anew: {failure.said}</span>}
          </ListStatus>
        )}
      </header>
      <div class="filters">
        <label>
          <span>Range</span>
          <select
            value={custom ? 'custom' : preset}
            onChange={({ currentTarget: { value } }) => {
              if (value === 'custom') return setCustom(range);
              setCustom(null);
              go(addressOf('analytics', null, { range: value }));
            }}
          >
            {Object.entries(PRESETS).map(([name, label]) => (
              <option key={name} value={name}>
                {label}
              </option>
            ))}
            <option value="custom">Custom</option>
          </select>
        </label>
        {(custom !== null || preset === 'custom') && (
          <form
            class="range-form"
            onSubmit={(event) => {
              event.preventDefault();
              if (custom === null || fault !== null) return;
              go(addressOf('analytics', null, { ...custom }));
              setCustom(null);
            }}
          >
            <label>
              <span>From</span>
              <input
                type="date"
                value={shown.from}
                aria-invalid={fault ? 'true' : undefined}
                aria-describedby={fault ? 'range-fault' : undefined}
                onInput={({ currentTarget }) => setCustom({ ...shown, from: currentTarget.value })}
              />
            </label>
            <label>
              <span>To</span>
              <input
                type="date"
                value={shown.to}
                aria-invalid={fault ? 'true' : undefined}
                aria-describedby={fault ? 'range-fault' : undefined}
                onInput={({ currentTarget }) => setCustom({ ...shown, to: currentTarget.value })}
              />
            </label>
            <button type="submit" class="button" disabled={custom === null}>
              Show
            </button>
            {fault && (
              <p id="range-fault" class="error" role="alert">
                {fault}
              </p>
            )}
          </form>
        )}
      </div>
      {failure && !isOfRange ? (
        <Failed failure={failure} onRetry={() => setAgain(again + 1)} />
      ) : !figures || !isOfRange ? (
        <Skeleton rows={8} kind="line" />
      ) : (
        <Charts figures={figures} />
      )}
    </div>
  );
}

const shortDay = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short', timeZone: 'UTC' });
const sayDay = (date: string): string => (date === '' ? '' : shortDay.format(new Date(`${date}T12:00:00Z`)));
const sayRating = ({ count: number, mean }: RatingFigures): string =>
  mean === null ? '–' : `${mean.toFixed(2)} (${number})`;
/** Axes have little room: the larger unit alone. */
const sayAxis = (seconds: number): string =>
  seconds >= 86_400
    ? `${Math.round(seconds / 8_640) / 10} d`
    : seconds >= 3_600
      ? `${Math.round(seconds / 360) / 10} h`
      : seconds >= 60
        ? `${Math.round(seconds / 6) / 10} min`
        : `${Math.round(seconds)} s`;

const sum = (values: readonly (number | null)[]): number =>
  values.reduce<number>((total, value) => total + (value ?? 0), 0);

function meanOf(ratings: readonly RatingFigures[]): RatingFigures {
  const number = sum(ratings.map((one) => one.count));
  const total = sum(ratings.map((one) => one.count * (one.mean ?? 0)));
  return { count: number, mean: number === 0 ? null : total / number };
}

export function Charts({ figures: { days, teams, range } }: { readonly figures: Figures }) {
  const closed = sum(days.map((day) => day.closed));
  const isAdmin = teams !== null;
  const ratings = meanOf(days.map((day) => day.ratings));
  const dates = days.map(({ date }) => date);
  const dayRows: readonly (readonly Cell[])[] = days.map((day) => [
    day.date,
    ...(isAdmin ? [day.opened] : []),
    day.closed,
    day.medianFirstResponseSeconds,
    day.medianResolutionSeconds,
    day.ratings.count,
    day.ratings.mean,
  ]);
  const dayHead = [
    'Day',
    ...(isAdmin ? ['Opened'] : []),
    'Closed',
    'First answer, median s',
    'Resolution, median s',
    'Ratings',
    'Mean rating',
  ];
  return (
    <>
      <dl class="figures">
        {isAdmin && <Figure name="Opened" value={sum(days.map((day) => day.opened)).toLocaleString('en-GB')} />}
        <Figure name="Closed" value={closed.toLocaleString('en-GB')} />
        <Figure
          name="Ratings"
          value={ratings.mean === null ? '–' : ratings.mean.toFixed(2)}
          about={`of 5, from ${count(ratings.count, 'rating')}`}
        />
        {teams && (
          <Figure
            name="Agents"
            value={String(teams.totals.agents)}
            about={`in ${count(teams.totals.supervisors, 'team')}`}
          />
        )}
      </dl>
      {closed === 0 && sum(days.map((day) => day.opened)) === 0 ? (
        <Empty icon="analytics" title="Nothing happened in this range">
          Choose another one.
        </Empty>
      ) : (
        <div class="chart-grid">
          <Lines
            title="Conversations a day"
            days={dates}
            lines={[
              ...(isAdmin ? [{ name: 'Opened', tone: 'second' as const, values: days.map((day) => day.opened) }] : []),
              { name: 'Closed', tone: 'first', values: days.map((day) => day.closed) },
            ]}
            say={(value) => String(Math.round(value * 10) / 10)}
            sayDay={sayDay}
          />
          <Lines
            title="First answer, median"
            days={dates}
            lines={[{ name: 'First answer', tone: 'first', values: days.map((day) => day.medianFirstResponseSeconds) }]}
            say={sayAxis}
            sayDay={sayDay}
            topOf={niceSpan}
          />
          <Lines
            title="Resolution, median"
            days={dates}
            lines={[{ name: 'Resolution', tone: 'first', values: days.map((day) => day.medianResolutionSeconds) }]}
            say={sayAxis}
            sayDay={sayDay}
            topOf={niceSpan}
          />
          <Lines
            title="Ratings, mean of 5"
            days={dates}
            lines={[{ name: 'Rating', tone: 'first', values: days.map((day) => day.ratings.mean) }]}
            say={(value) => value.toFixed(1)}
            sayDay={sayDay}
            topOf={() => 5}
          />
        </div>
      )}
      {teams && <Teams teams={teams} range={range} />}
      <section class="table-section" aria-labelledby="days-heading">
        <header>
          <h2 id="days-heading">Day by day</h2>
          <Save name={`days-${range.from}-to-${range.to}.csv`} rows={[dayHead, ...dayRows]} />
        </header>
        <Table
          label="Day by day"
          head={['Day', ...(isAdmin ? ['Opened'] : []), 'Closed', 'First answer', 'Resolution', 'Ratings']}
          rows={[...days].reverse().map((day) => ({
            id: day.date,
            cells: [
              sayDay(day.date),
              ...(isAdmin ? [String(day.opened ?? '–')] : []),
              String(day.closed),
              span(day.medianFirstResponseSeconds),
              span(day.medianResolutionSeconds),
              sayRating(day.ratings),
            ],
          }))}
        />
      </section>
    </>
  );
}

function Teams({ teams, range }: { readonly teams: SupervisorAnalytics; readonly range: Range }) {
  const bars: Bar[] = teams.supervisors.flatMap(({ supervisor, closedConversations, agents }) => [
    { id: supervisor.id, label: supervisor.name, value: closedConversations, said: String(closedConversations) },
    ...agents.map((agent) => ({
      id: agent.id,
      label: agent.name,
      value: agent.closedConversations,
      said: String(agent.closedConversations),
      isPart: true,
    })),
  ]);
  const head = [
    'Supervisor',
    'Agent',
    'Agents now',
    'Closed',
    'First answer, median s',
    'Resolution, median s',
    'Ratings',
    'Mean rating',
  ];
  const rows = teams.supervisors.flatMap((team): (readonly Cell[])[] => [
    [
      team.supervisor.name,
      '',
      team.agentCount,
      team.closedConversations,
      team.medianFirstResponseSeconds,
      team.medianResolutionSeconds,
      team.ratings.count,
      team.ratings.mean,
    ],
    ...team.agents.map((agent): readonly Cell[] => [
      team.supervisor.name,
      agent.name,
      null,
      agent.closedConversations,
      null,
      null,
      agent.ratings.count,
      agent.ratings.mean,
    ]),
  ]);
  return (
    <section class="table-section" aria-labelledby="teams-heading">
      <header>
        <h2 id="teams-heading">Per supervisor and agent</h2>
        <Save name={`teams-${range.from}-to-${range.to}.csv`} rows={[head, ...rows]} />
      </header>
      {teams.supervisors.length === 0 ? (
        <Empty icon="people" title="There are no supervisors yet" />
      ) : (
        <>
          <Bars bars={bars} />
          <Table
            label="Per supervisor and agent"
            head={['', 'Agents', 'Closed', 'First answer', 'Resolution', 'Ratings']}
            rows={teams.supervisors.flatMap((team) => [
              {
                id: team.supervisor.id,
                cells: [
                  team.supervisor.name,
                  String(team.agentCount),
                  String(team.closedConversations),
                  span(team.medianFirstResponseSeconds),
                  span(team.medianResolutionSeconds),
                  sayRating(team.ratings),
                ],
              },
              ...team.agents.map((agent) => ({
                id: agent.id,
                isPart: true,
                cells: [agent.name, '', String(agent.closedConversations), '', '', sayRating(agent.ratings)],
              })),
            ])}
          />
        </>
      )}
    </section>
  );
}

const Figure = ({ name, value, about }: { readonly name: string; readonly value: string; readonly about?: string }) => (
  <div>
    <dt>{name}</dt>
    <dd>
      {value}
      {about && <small>{about}</small>}
    </dd>
  </div>
);

const Save = ({ name, rows }: { readonly name: string; readonly rows: readonly (readonly Cell[])[] }) => (
  <button type="button" class="button dense" onClick={() => saveFile(name, 'text/csv;charset=utf-8', csv(rows))}>
    <Icon name="download" /> CSV
  </button>
);

interface TableProps {
  readonly label: string;
  readonly head: readonly string[];
  readonly rows: readonly { readonly id: string; readonly isPart?: boolean; readonly cells: readonly string[] }[];
}

const Table = ({ label, head, rows }: TableProps) => (
  // biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls sideways, and whoever has no mouse scrolls it too.
  <section class="table-scroll" tabIndex={0} aria-label={label}>
    <table>
      <thead>
        <tr>
          {head.map((name) => (
            <th key={name} scope="col">
              {name === '' ? <span class="visually-hidden">Who</span> : name}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {rows.map(({ id, isPart, cells: [first, ...cells] }) => (
          <tr key={id} class={isPart ? 'part' : ''}>
            <th scope="row">{first}</th>
            {cells.map((cell, at) => (
              <td key={at}>{cell}</td>
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  </section>
);
