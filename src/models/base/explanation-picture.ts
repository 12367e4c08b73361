/** The picture of an explanation, as SVG. */
import { checkNumber, refuseOthers } from '../../core/shape.ts';
import type { ItemId } from '../../data/catalog.ts';
import type { ExplainedEvent, Explanation, PictureOptions } from './explanation.ts';

/** All in pixels. */
const WIDTH = 720;
const [MARGIN, HEAD, LINE, BAR] = [20, 86, 24, 12];
/** Where names end, bars of contributions and of attention lie. */
const [NAMES, BARS, SHARES] = [250, { from: 264, to: 500 }, { from: 590, to: 700 }];
const NAME_LENGTH = 32;

/** Draws `explanation`; `name` gives readable names. */
export function drawExplanation(
  { item, score, events }: Explanation,
  name: (id: ItemId) => string,
  options: PictureOptions,
): string {
  const { events: most = 40, ...others } = options;
  refuseOthers('toSVG', others, options);
  checkNumber('events', most, { min: 1, integer: true });
  const shown = largest(events, most);
  const attends = shown.some(({ attention }) => attention !== undefined);
  const [low, high] = span(shown.map(({ contribution }) => contribution));
  const x = (value: number) => BARS.from + ((BARS.to - BARS.from) * (value - low)) / (high - low);
  const widest = Math.max(...shown.map(({ attention = 0 }) => attention), 1e-9);
  const lines = shown.map((event, i) => {
    const { contribution, attention } = event;
    const top = HEAD + i * LINE;
    const [begin, end] = Number.isFinite(contribution)
      ? [Math.min(0, contribution), Math.max(0, contribution)]
      : [0, 0];
    const share = ((SHARES.to - SHARES.from - 40) * (attention ?? 0)) / widest;
    return [
      `<g><title>${escaped(describe(event, name))}</title>`,
      text(NAMES, top + 16, 'name', short(name(event.item))),
      bar(x(begin), top, x(end) - x(begin), contribution < 0 ? 'costs' : 'brings'),
      text(BARS.to + 62, top + 16, 'value', signed(contribution)),
      ...(attention === undefined
        ? []
        : [bar(SHARES.from, top, share, 'share'), text(SHARES.to, top + 16, 'value', percent(attention))]),
      '</g>',
    ].join('');
  });
  const bottom = HEAD + shown.length * LINE;
  const rest = events.length - shown.length;
  const height = bottom + MARGIN + (rest > 0 ? LINE : 0);
  const label = `Why ${name(item)}: what each event contributed to its score of ${score.toFixed(2)}`;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" class="seqrec-explanation" width="${WIDTH}" height="${height}" viewBox="0 0 ${WIDTH} ${height}" role="img" aria-label="${escaped(label)}">`,
    `<style>${STYLE}</style>`,
    `<rect class="ground" width="${WIDTH}" height="${height}" rx="8"/>`,
    text(MARGIN, 34, 'title', short(name(item), 60)),
    text(MARGIN, 54, 'note', `score ${score.toFixed(2)} · the past events, oldest first`),
    text(NAMES, 76, 'head name', 'event'),
    text(BARS.from, 76, 'head', 'contribution to the score'),
    ...(attends ? [text(SHARES.from, 76, 'head', 'attention')] : []),
    `<path class="zero" d="M${round(x(0))} ${HEAD - 2}V${bottom + 2}"/>`,
    ...lines,
    ...(rest > 0
      ? [text(MARGIN, bottom + 18, 'note', `and ${rest} more that ${rest === 1 ? 'contributes' : 'contribute'} less`)]
      : []),
    '</svg>',
    '',
  ].join('\n');
}

/** The colours of text on ground have a contrast of 4.5 or more in both schemes. */
const STYLE = [
  '.seqrec-explanation{font:13px system-ui,sans-serif}',
  '.seqrec-explanation .ground{fill:#fff;stroke:#d0d7de}',
  '.seqrec-explanation text{fill:#1f2328}',
  '.seqrec-explanation .title{font-size:17px;font-weight:600}',
  '.seqrec-explanation .note,.seqrec-explanation .head{fill:#59636e;font-size:12px}',
  '.seqrec-explanation .name,.seqrec-explanation .value{text-anchor:end}',
  '.seqrec-explanation .value{font-variant-numeric:tabular-nums}',
  '.seqrec-explanation .zero{stroke:#818b98}',
  '.seqrec-explanation .brings{fill:#0969da}',
  '.seqrec-explanation .costs{fill:#bc4c00}',
  '.seqrec-explanation .share{fill:#8250df}',
  '@media (prefers-color-scheme:dark){',
  '.seqrec-explanation .ground{fill:#0d1117;stroke:#3d444d}',
  '.seqrec-explanation text{fill:#f0f6fc}',
  '.seqrec-explanation .note,.seqrec-explanation .head{fill:#9198a1}',
  '.seqrec-explanation .brings{fill:#4493f8}',
  '.seqrec-explanation .costs{fill:#db6d28}',
  '.seqrec-explanation .share{fill:#ab7df8}',
  '}',
].join('');

/** The events of the largest contributions, in their order. */
function largest(events: readonly ExplainedEvent[], most: number): ExplainedEvent[] {
  if (events.length <= most) return [...events];
  const size = ({ contribution }: ExplainedEvent) => Math.abs(contribution) || 0;
  const kept = new Set([...events].sort((a, b) => size(b) - size(a)).slice(0, most));
  return events.filter((event) => kept.has(event));
}

/** From the lowest to the highest of the finite values and 0. */
function span(values: readonly number[]): [low: number, high: number] {
  const finite = values.filter(Number.isFinite);
  const [low, high] = [Math.min(0, ...finite), Math.max(0, ...finite)];
  return low < high ? [low, high] : [0, 1];
}

function text(x: number, y: number, kind: string, content: string): string {
  return `<text class="${kind}" x="${x}" y="${y}">${escaped(content)}</text>`;
}

function bar(x: number, top: number, width: number, kind: string): string {
  return `<rect class="${kind}" x="${round(x)}" y="${top + (LINE - BAR) / 2}" width="${round(width)}" height="${BAR}" rx="2"/>`;
}

function describe({ item, contribution, attention }: ExplainedEvent, name: (id: ItemId) => string): string {
  const share = attention === undefined ? '' : `, attention ${percent(attention)}`;
  return `${name(item)}: ${signed(contribution)}${share}`;
}

function signed(value: number): string {
  return `${value < 0 ? '−' : '+'}${Math.abs(value).toFixed(3)}`;
}

function percent(share: number): string {
  return `${(100 * share).toFixed(0)} %`;
}

function round(value: number): string {
  return value.toFixed(1);
}

function short(name: string, length = NAME_LENGTH): string {
  const letters = [...name];
  return letters.length > length ? `${letters.slice(0, length - 1).join('')}…` : name;
}

/** As text or attribute of XML, which has no place for control characters and halves of surrogate pairs. */
function escaped(content: string): string {
  return content
    .replace(/[^\t\n\r\u{20}-\u{d7ff}\u{e000}-\u{fffd}\u{10000}-\u{10ffff}]/gu, '\ufffd')
    .replace(/[&<>"']/g, (letter) => `&#${letter.charCodeAt(0)};`);
}
