/** Plots as SVG text: the same numbers always make the same text. */

const FONT = 'font-family="system-ui, sans-serif"';
const INK = '#24292f';
const PALE = '#d0d7de';
const COLORS = ['#0969da', '#8c959f', '#bf8700', '#1a7f37', '#8250df', '#cf222e'];
const WIDTH = 720;

const escaped = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');

const at = (value: number): string => String(Math.round(value * 10) / 10);

interface TextOptions {
  readonly anchor?: 'start' | 'middle' | 'end';
  readonly size?: number;
  readonly weight?: 'normal' | 'bold';
}

const label = (
  x: number,
  y: number,
  words: string,
  { anchor = 'start', size = 12, weight = 'normal' }: TextOptions = {},
) =>
  `<text x="${at(x)}" y="${at(y)}" text-anchor="${anchor}" font-size="${size}" font-weight="${weight}" fill="${INK}">${escaped(words)}</text>`;

const rule = (x1: number, y1: number, x2: number, y2: number, color = PALE) =>
  `<line x1="${at(x1)}" y1="${at(y1)}" x2="${at(x2)}" y2="${at(y2)}" stroke="${color}"/>`;

const rectangle = (x: number, y: number, width: number, height: number, color: string) =>
  `<rect x="${at(x)}" y="${at(y)}" width="${at(width)}" height="${at(height)}" fill="${color}"/>`;

function drawing(title: string, height: number, parts: readonly string[]): string {
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" role="img" ${FONT}>`,
    `<title>${escaped(title)}</title>`,
    // Readable on a dark page too.
    rectangle(0, 0, WIDTH, height, '#ffffff'),
    label(16, 26, title, { size: 15, weight: 'bold' }),
    ...parts,
    '</svg>\n',
  ].join('\n');
}

const colorOf = (index: number): string => COLORS[index % COLORS.length] as string;

/** The names of the colours, in a line. */
function legend(names: readonly string[], y: number): string[] {
  let x = 16;
  return names.flatMap((name, index) => {
    const parts = [rectangle(x, y - 9, 10, 10, colorOf(index)), label(x + 15, y, name)];
    x += 36 + name.length * 6.5;
    return parts;
  });
}

/** A number as people write it: three digits at most, thousands with a comma. */
export function inWords(value: number): string {
  if (value >= 100) return Math.round(value).toLocaleString('en-US');
  return String(Number(value.toPrecision(value < 1 ? 2 : 3)));
}

export interface Bars {
  readonly title: string;
  readonly unit: string;
  /** What each bar of a group is; one colour each. */
  readonly series: readonly string[];
  readonly groups: readonly { readonly name: string; readonly values: readonly number[] }[];
}

/** Draws horizontal bars, in groups. Each bar says its number. */
export function bars({ title, unit, series, groups }: Bars): string {
  const [left, right, top, thick, gap] = [210, 90, 66, 16, 14];
  const most = Math.max(...groups.flatMap(({ values }) => values), Number.MIN_VALUE);
  const wide = WIDTH - left - right;
  const parts = series.length > 1 ? legend(series, 48) : [];
  let y = top;
  for (const { name, values } of groups) {
    parts.push(label(left - 10, y + (values.length * thick) / 2 + 4, name, { anchor: 'end' }));
    for (const [index, value] of values.entries()) {
      const width = (value / most) * wide;
      parts.push(rectangle(left, y, width, thick - 3, colorOf(index)));
      parts.push(label(left + width + 6, y + thick - 5, `${inWords(value)} ${unit}`, { size: 11 }));
      y += thick;
    }
    y += gap;
  }
  parts.push(rule(left, top - 4, left, y - gap, INK));
  return drawing(title, y + 6, parts);
}

export interface Lines {
  readonly title: string;
  readonly xName: string;
  readonly yName: string;
  readonly series: readonly { readonly name: string; readonly points: readonly (readonly [number, number])[] }[];
}

/** Draws lines over two logarithmic scales. Every coordinate must be above 0. */
export function lines({ title, xName, yName, series }: Lines): string {
  const [left, right, top, height, bottom] = [70, 24, 70, 260, 52];
  const all = series.flatMap(({ points }) => points);
  const scale = (values: readonly number[], from: number, to: number) => {
    const low = Math.floor(Math.log10(Math.min(...values)) + 1e-9);
    const high = Math.max(low + 1, Math.ceil(Math.log10(Math.max(...values)) - 1e-9));
    const place = (value: number) => from + ((Math.log10(value) - low) / (high - low)) * (to - from);
    return { place, ticks: Array.from({ length: high - low + 1 }, (_, index) => 10 ** (low + index)) };
  };
  const x = scale(
    all.map(([value]) => value),
    left,
    WIDTH - right,
  );
  const y = scale(
    all.map(([, value]) => value),
    top + height,
    top,
  );
  const parts = [
    ...legend(
      series.map(({ name }) => name),
      48,
    ),
    ...x.ticks.flatMap((tick) => [
      rule(x.place(tick), top, x.place(tick), top + height),
      label(x.place(tick), top + height + 18, inWords(tick), { anchor: 'middle', size: 11 }),
    ]),
    ...y.ticks.flatMap((tick) => [
      rule(left, y.place(tick), WIDTH - right, y.place(tick)),
      label(left - 8, y.place(tick) + 4, inWords(tick), { anchor: 'end', size: 11 }),
    ]),
    label((left + WIDTH - right) / 2, top + height + 38, xName, { anchor: 'middle' }),
    label(left, top - 8, yName, { size: 11 }),
    ...series.flatMap(({ points }, index) => {
      const path = points.map(([px, py]) => `${at(x.place(px))},${at(y.place(py))}`);
      const dots = path.map((point) => {
        const [cx, cy] = point.split(',');
        return `<circle cx="${cx}" cy="${cy}" r="3" fill="${colorOf(index)}"/>`;
      });
      return [
        `<polyline points="${path.join(' ')}" fill="none" stroke="${colorOf(index)}" stroke-width="2"/>`,
        ...dots,
      ];
    }),
  ];
  return drawing(title, top + height + bottom, parts);
}
