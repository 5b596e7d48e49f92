/** Pictures of what a control does: lines of 24 by 24. What they mean is said in words beside them or in the control's name. */
const PATHS = {
  inbox: 'M4 13l2.5-8h11L20 13v6H4zM4 13h4.5l1.2 2.5h4.6l1.2-2.5H20',
  queue: 'M12 7v5l3 2M21 12a9 9 0 1 1-18 0 9 9 0 0 1 18 0z',
  people:
    'M9 11a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7zM2.5 20c.4-3.6 3-5.5 6.500-5.500s6.100 1.900 6.500 5.500M16 4.300a3.500 3.500 0 0 1 0 6.400M18 14.800c2 .7 3.200 2.400 3.500 5.200',
  analytics: 'M4 20V4M4 20h16M8.500 16v-4M13 16V8M17.500 16v-6',
  audit: 'M6 3h9l4 4v14H6zM14.500 3v4.500H19M9 12h7M9 16h5',
  replies: 'M13 3L5 14h6l-1 7 8-11h-6z',
  settings:
    'M4 7h9M17 7h3M4 17h3M11 17h9M15 9.500a2.500 2.500 0 1 0 0-5 2.500 2.500 0 0 0 0 5zM9 19.500a2.500 2.500 0 1 0 0-5 2.500 2.500 0 0 0 0 5z',
  back: 'M15 5l-7 7 7 7',
  forward: 'M9 5l7 7-7 7',
  down: 'M6 9.500l6 6 6-6',
  close: 'M6 6l12 12M18 6L6 18',
  more: 'M5.500 12h.01M12 12h.01M18.500 12h.01',
  send: 'M4 12l16-8-5 16-3.500-6.500zM11.500 13.500L20 4',
  note: 'M5 4h14v10l-5 6H5zM19 14h-5v6',
  panel: 'M4 5h16v14H4zM14.500 5v14',
  check: 'M5 12.500l4.500 4.500L19 7.500',
  checks: 'M2.500 12.500L7 17l8-9.500M11 16l1 1 9-9.500',
  clock: 'M12 8v4.500l3 1.500M20 12a8 8 0 1 1-16 0 8 8 0 0 1 16 0z',
  warning: 'M12 4l9 16H3zM12 10v4.500M12 17.200v.1',
  assign:
    'M10 11a3.500 3.500 0 1 0 0-7 3.500 3.500 0 0 0 0 7zM3.500 20c.4-3.600 3-5.500 6.500-5.500 1 0 2 .2 2.800.5M17 13v7M13.500 16.500h7',
  requeue: 'M4 8h11a5 5 0 0 1 0 10H9M4 8l4-4M4 8l4 4',
  tag: 'M4 4h8l8.500 8.500-8 8L4 12zM8 8h.01',
  search: 'M10.500 17a6.500 6.500 0 1 0 0-13 6.500 6.500 0 0 0 0 13zM15.500 15.500L20.500 20.500',
  plus: 'M12 5v14M5 12h14',
  refresh: 'M20 11a8 8 0 1 0-.500 4M20 5v6h-6',
  download: 'M12 4v11M7.500 11l4.500 4.500 4.500-4.500M5 20h14',
  link: 'M10 14a4 4 0 0 0 6 .5l3-3a4 4 0 0 0-5.700-5.700l-1.300 1.200M14 10a4 4 0 0 0-6-.5l-3 3a4 4 0 0 0 5.700 5.700l1.300-1.200',
  star: 'M12 4l2.500 5.200 5.500.8-4 4 1 5.600-5-2.700-5 2.700 1-5.600-4-4 5.500-.8z',
  keys: 'M3 7h18v11H3zM7 11h.01M11 11h.01M15 11h.01M17.500 11h.01M8 14.500h8',
  leave: 'M10 4H5v16h5M15 8l4 4-4 4M19 12H9.500',
  urgent: 'M12 4v9M12 18v.1',
  high: 'M6 13l6-6 6 6M6 18l6-6 6 6',
  low: 'M6 9l6 6 6-6',
} as const;

export type IconName = keyof typeof PATHS;

export const Icon = ({ name }: { readonly name: IconName }) => (
  // Dots are as wide as their stroke.
  <svg class={name === 'more' ? 'icon dots' : 'icon'} viewBox="0 0 24 24" aria-hidden="true">
    <path d={PATHS[name]} />
  </svg>
);
