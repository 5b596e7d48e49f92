import type { ComponentChildren } from 'preact';
import { useId, useLayoutEffect, useRef, useState } from 'preact/hooks';
import { Icon, type IconName } from './Icon.tsx';

export interface MenuItem {
  readonly label: string;
  readonly icon?: IconName;
  readonly hint?: string;
  readonly isDangerous?: boolean;
  readonly isDisabled?: boolean;
  readonly onSelect: () => void;
}

interface MenuProps {
  /** What the button is called, where its content doesn't say so. */
  readonly label?: string;
  readonly class?: string;
  readonly items: readonly MenuItem[];
  readonly children: ComponentChildren;
}

const EDGE = 8;

/** A button with a menu: arrows move, Enter selects, Escape and a click elsewhere close. */
export function Menu({ label, class: name = 'icon-button', items, children }: MenuProps) {
  const [isOpen, setOpen] = useState(false);
  const button = useRef<HTMLButtonElement>(null);
  const list = useRef<HTMLDivElement>(null);
  const id = useId();

  // Before it is drawn: the menu is at its place at once, and the next key is for the menu.
  useLayoutEffect(() => {
    const [from, menu] = [button.current, list.current];
    if (!isOpen || !from || !menu) return;
    place(from, menu);
    menu.querySelector<HTMLElement>('[role="menuitem"]:not([aria-disabled="true"])')?.focus();
    const stop = new AbortController();
    const { signal } = stop;
    const away = ({ target }: Event) => {
      if (target instanceof Node && !menu.contains(target) && !from.contains(target)) setOpen(false);
    };
    // The button moves away from the menu.
    const moved = ({ target }: Event) => {
      if (target instanceof Node && target !== from && target.contains(from)) setOpen(false);
    };
    addEventListener('pointerdown', away, { signal });
    addEventListener('resize', () => setOpen(false), { signal });
    addEventListener('scroll', moved, { signal, capture: true });
    return () => stop.abort();
  }, [isOpen]);

  const close = () => {
    setOpen(false);
    button.current?.focus();
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const all = [...(list.current?.querySelectorAll<HTMLElement>('[role="menuitem"]') ?? [])];
    const at = all.indexOf(document.activeElement as HTMLElement);
    const focus = (index: number) => all.at(index % all.length)?.focus();
    if (event.key === 'ArrowDown') focus(at + 1);
    else if (event.key === 'ArrowUp') focus(at - 1);
    else if (event.key === 'Home') focus(0);
    else if (event.key === 'End') focus(-1);
    else if (event.key === 'Escape') close();
    else if (event.key === 'Tab') return setOpen(false);
    else return;
    event.preventDefault();
    event.stopPropagation();
  };

  return (
    <>
      <button
        ref={button}
        type="button"
        class={name}
        aria-label={label}
        title={label}
        aria-haspopup="menu"
        aria-expanded={isOpen}
        aria-controls={isOpen ? id : undefined}
        onClick={() => setOpen(!isOpen)}
      >
        {children}
      </button>
      {isOpen && (
        <div ref={list} id={id} class="menu" role="menu" aria-label={label} onKeyDown={onKeyDown}>
          {items.map((item) => (
            <button
              key={item.label}
              type="button"
              role="menuitem"
              aria-disabled={item.isDisabled ? 'true' : undefined}
              class={item.isDangerous ? 'danger' : ''}
              tabIndex={-1}
              onClick={() => {
                if (item.isDisabled) return;
                close();
                item.onSelect();
              }}
            >
              {item.icon && <Icon name={item.icon} />}
              <span class="label">{item.label}</span>
              {item.hint && <span class="hint">{item.hint}</span>}
            </button>
          ))}
        </div>
      )}
    </>
  );
}

/** Below its button, else above it; within the window in any case. */
function place(button: HTMLElement, menu: HTMLElement): void {
  const from = button.getBoundingClientRect();
  const { width, height } = menu.getBoundingClientRect();
  const isRightToLeft = getComputedStyle(button).direction === 'rtl';
  const alignsEnd = from.left + width > innerWidth - EDGE !== isRightToLeft;
  const wanted = alignsEnd ? from.right - width : from.left;
  const left = Math.max(EDGE, Math.min(wanted, innerWidth - width - EDGE));
  const below = from.bottom + 4;
  const top = below + height > innerHeight - EDGE ? from.top - height - 4 : below;
  menu.style.insetInlineStart = `${isRightToLeft ? innerWidth - left - width : left}px`;
  menu.style.insetBlockStart = `${Math.max(EDGE, top)}px`;
}
