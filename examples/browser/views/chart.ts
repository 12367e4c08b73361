/** A line chart that follows the width of its figure and the colours of the page. */
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import { find } from '../dom.ts';

export interface Line {
  label: string;
  /** A custom property of the style sheet. */
  color: string;
  dashed?: boolean;
  width?: number;
}

export type Points = [x: number[], ...y: (number | null)[][]];

const HEIGHT = 200;

export function chart(selector: string, lines: Line[]) {
  const figure = find(selector);
  const color = (name: string) => () => getComputedStyle(figure).getPropertyValue(name);
  const axis = { stroke: color('--soft'), grid: { stroke: color('--line'), width: 1 }, ticks: { show: false } };
  const font = '12px system-ui, sans-serif';
  const plot = new uPlot(
    {
      width: figure.clientWidth || 300,
      height: HEIGHT,
      legend: { show: false },
      cursor: { show: false },
      scales: { x: { time: false } },
      axes: [
        {
          ...axis,
          font,
          grid: { show: false },
          size: 28,
          space: 40,
          incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000],
        },
        { ...axis, font, size: 44, values: (_, values) => rounded(values) },
      ],
      series: [
        {},
        ...lines.map(({ label, color: name, dashed, width = 2 }) => ({
          label,
          stroke: color(name),
          width,
          spanGaps: true,
          points: { show: false },
          ...(dashed && { dash: [4, 4] }),
        })),
      ],
    },
    [[], ...lines.map(() => [])],
    figure,
  );
  new ResizeObserver(() => {
    if (figure.clientWidth > 0) plot.setSize({ width: figure.clientWidth, height: HEIGHT });
  }).observe(figure);
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => plot.redraw());
  return {
    /** @param text what the picture shows, for those who do not see it */
    draw(points: Points, end: number, text: string) {
      figure.setAttribute('aria-label', text);
      plot.setData(points, false);
      plot.batch(() => {
        plot.setScale('x', { min: 0, max: end });
        let [low, high] = [Infinity, 0];
        for (const value of points.slice(1).flat()) {
          low = Math.min(low, value ?? low);
          high = Math.max(high, value ?? high);
        }
        const room = (high - low || high || 1) * 0.08;
        if (low <= high) plot.setScale('y', { min: Math.max(0, low - room), max: high + room });
      });
    },
  };
}

/** The values of an axis with as many digits as tell them apart. */
function rounded(values: number[]): string[] {
  const [first = 0, second = first + 1] = values;
  const digits = Math.max(0, -Math.floor(Math.log10(second - first) + 1e-9));
  return values.map((value) => value.toFixed(digits));
}
