import { useId, useRef, useState } from 'preact/hooks';
import { isAlone, niceTop } from '../app/axes.ts';

/** Charts of our own: few, and each with the same numbers in a table below, which is what screen readers get. */

export interface Bar {
  readonly id: string;
  readonly label: string;
  readonly value: number;
  readonly said: string;
  readonly isPart?: boolean;
}

/** Bars beside their names: as long as their share of the longest. */
export function Bars({ bars }: { readonly bars: readonly Bar[] }) {
  const most = Math.max(1, ...bars.map(({ value }) => value));
  return (
    <div class="bars" aria-hidden="true">
      {bars.map(({ id, label, value, said, isPart }) => (
        <div key={id} class={isPart ? 'bar part' : 'bar'}>
          <span class="bar-label">{label}</span>
          <span class="bar-track">
            <span class="bar-fill" style={{ '--share': value / most }} hidden={value === 0} />
            <span class="bar-value">{said}</span>
          </span>
        </div>
      ))}
    </div>
  );
}

export interface Line {
  readonly name: string;
  readonly tone: 'first' | 'second';
  /** `null`: nothing on that day; the line has a gap. */
  readonly values: readonly (number | null)[];
}

interface LinesProps {
  readonly title: string;
  readonly days: readonly string[];
  readonly lines: readonly Line[];
  readonly say: (value: number) => string;
  readonly sayDay: (day: string) => string;
  /** Where the axis ends, for this highest value. */
  readonly topOf?: (most: number) => number;
}

const WIDTH = 640;
const HEIGHT = 200;
const EDGE = { top: 12, right: 28, bottom: 26, left: 56 };

/** Lines over days. Pointing at a day says its numbers. */
export function Lines({ title, days, lines, say, sayDay, topOf = niceTop }: LinesProps) {
  const [at, setAt] = useState<number | null>(null);
  const svg = useRef<SVGSVGElement>(null);
  const id = useId();
  const isEmpty = lines.every(({ values }) => values.every((value) => value === null));
  const top = topOf(Math.max(0, ...lines.flatMap(({ values }) => values.map((value) => value ?? 0))));
  const inner = { width: WIDTH - EDGE.left - EDGE.right, height: HEIGHT - EDGE.top - EDGE.bottom };
  const x = (index: number) =>
    EDGE.left + (days.length <= 1 ? inner.width / 2 : (inner.width * index) / (days.length - 1));
  const y = (value: number) => EDGE.top + inner.height * (1 - value / top);
  const ticks = top <= 2 ? [0, top] : [0, top / 2, top];
  const every = Math.max(1, Math.ceil(days.length / 7));
  const point = (event: PointerEvent) => {
    const box = svg.current?.getBoundingClientRect();
    if (!box) return;
    const inside = ((event.clientX - box.left) / box.width) * WIDTH - EDGE.left;
    setAt(Math.min(days.length - 1, Math.max(0, Math.round((inside / inner.width) * (days.length - 1)))));
  };
  return (
    <figure class="chart">
      <figcaption>
        <span>{title}</span>
        <span class="legend">
          {lines.map(({ name, tone }) => (
            <span key={name} class={tone}>
              {name}
            </span>
          ))}
        </span>
      </figcaption>
      <svg
        ref={svg}
        viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
        role="img"
        aria-labelledby={id}
        onPointerMove={point}
        onPointerLeave={() => setAt(null)}
      >
        <title id={id}>{title}: the numbers are in the table below</title>
        {ticks.map((tick) => (
          <g key={tick}>
            <line class="grid" x1={EDGE.left} x2={WIDTH - EDGE.right} y1={y(tick)} y2={y(tick)} />
            <text class="tick" x={EDGE.left - 8} y={y(tick) + 4} text-anchor="end">
              {say(tick)}
            </text>
          </g>
        ))}
        {days.map((day, index) =>
          index % every === 0 ? (
            <text key={day} class="tick" x={x(index)} y={HEIGHT - 6} text-anchor="middle">
              {sayDay(day)}
            </text>
          ) : null,
        )}
        {isEmpty && (
          <text class="nothing" x={WIDTH / 2} y={EDGE.top + inner.height / 2} text-anchor="middle">
            Nothing to show in this range
          </text>
        )}
        {at !== null && <line class="cursor" x1={x(at)} x2={x(at)} y1={EDGE.top} y2={HEIGHT - EDGE.bottom} />}
        {lines.map(({ name, tone, values }) => (
          <g key={name} class={`series ${tone}`}>
            <path d={pathOf(values, x, y)} />
            {values.map((value, index) =>
              value !== null && (days.length <= 31 || index === at || isAlone(values, index)) ? (
                <circle key={days[index]} cx={x(index)} cy={y(value)} r={index === at ? 4.5 : 2.5} />
              ) : null,
            )}
          </g>
        ))}
      </svg>
      <p class="chart-said" aria-hidden="true">
        {at === null
          ? ' '
          : `${sayDay(days[at] ?? '')}: ${lines
              .map(({ name, values }) => {
                const value = values[at];
                return `${name} ${value === null || value === undefined ? '–' : say(value)}`;
              })
              .join(', ')}`}
      </p>
    </figure>
  );
}

function pathOf(
  values: readonly (number | null)[],
  x: (index: number) => number,
  y: (value: number) => number,
): string {
  let path = '';
  let isDrawing = false;
  for (const [index, value] of values.entries()) {
    if (value === null) isDrawing = false;
    else {
      path += `${isDrawing ? 'L' : 'M'}${x(index).toFixed(1)} ${y(value).toFixed(1)}`;
      isDrawing = true;
    }
  }
  return path;
}
