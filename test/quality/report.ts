/** Results of recipes as tables. */
import type { RecipeResult, SeedResult } from './recipe.ts';

/**
 * The results of recipes on one data set as a table in Markdown: baselines, each model's mean over its seeds with their
 * standard deviation, and what others report.
 */
export function tableOf(...results: readonly RecipeResult[]): string {
  const { metrics, baselines } = results[0] as RecipeResult;
  const published = new Map(
    results.flatMap((result) => result.published.map(({ source, values }) => [source, values])),
  );
  const rows = [
    ['', ...metrics],
    ...Object.entries(baselines).map(([name, values]) => [name, ...metrics.map((key) => figure(values[key]))]),
    ...results.map(({ label, seeds }) => [
      seeds.length > 1 ? `**${label}**, mean of ${seeds.length} seeds` : `**${label}**, one seed`,
      ...metrics.map((key) => spread(seeds.map((seed) => seed.metrics[key] as number))),
    ]),
    ...[...published].map(([source, values]) => [source, ...metrics.map((key) => figure(values[key]))]),
  ];
  const widths = metrics.map((_, i) => Math.max(...rows.map((row) => (row[i + 1] as string).length), 4));
  const first = Math.max(...rows.map(([name]) => (name as string).length));
  const line = (cells: string[]) =>
    `| ${cells.map((cell, i) => (i === 0 ? cell.padEnd(first) : cell.padStart(widths[i - 1] as number))).join(' | ')} |`;
  const rule = `|${'-'.repeat(first + 2)}|${widths.map((width) => `${'-'.repeat(width + 1)}:`).join('|')}|`;
  return [line(rows[0] as string[]), rule, ...rows.slice(1).map(line)].join('\n');
}

/** How the figures came about, in words. */
export function protocolOf(result: RecipeResult): string {
  return `${sentenceOf(result.protocol)} ${runOf(result)}`;
}

function sentenceOf({ split, candidates, excludeSeen, ties, users }: RecipeResult['protocol']): string {
  const seen = excludeSeen ? 'without the items of the history' : 'with the items of the history';
  return `${users.toLocaleString('en')} histories, ${split}; ranked among ${candidates} ${seen}, ties ${ties}.`;
}

function runOf({ seeds, remarks }: RecipeResult): string {
  const text = `seeds ${seeds.map(({ seed }) => seed).join(', ')}; ${timesOf(seeds)}.`;
  return remarks ? `${text} ${remarks}` : text;
}

/** The section of docs/results.md on the recipes for one data set and protocol. */
export function sectionOf(title: string, results: readonly RecipeResult[]): string {
  const { data, protocol } = results[0] as RecipeResult;
  return [
    `## ${title}`,
    `${data}. ${sentenceOf(protocol)}`,
    tableOf(...results),
    `\`\`\`sh\n${results.map(({ recipe, seeds }) => `npm run quality -- ${recipe} --seeds ${seeds.length}`).join('\n')}\n\`\`\``,
    results.map((result) => `- ${result.label}: ${runOf(result)}`).join('\n'),
  ].join('\n\n');
}

function timesOf(seeds: readonly SeedResult[]): string {
  const range = (of: (seed: SeedResult) => number, digits = 0) => {
    const values = seeds.map(of);
    const [low, high] = [Math.min(...values).toFixed(digits), Math.max(...values).toFixed(digits)];
    return low === high ? low : `${low} to ${high}`;
  };
  const chosen = seeds.some(({ best }) => best !== undefined);
  if (!chosen && seeds.every(({ epochs }) => epochs === 1)) return `fitted in ${range(({ seconds }) => seconds, 1)} s`;
  const each = `${range(({ epochs }) => epochs)} epochs of ${range(({ secondsPerEpoch }) => secondsPerEpoch, 1)} s`;
  const how = chosen
    ? `with validation, weights of epoch ${range(({ best, epochs }) => best ?? epochs)}`
    : 'without validation, weights of the last';
  return `${each} ${how}, ${range(({ seconds }) => seconds)} s a seed`;
}

function figure(value: number | undefined): string {
  return value === undefined ? '–' : value.toFixed(4);
}

function spread(values: readonly number[]): string {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  if (values.length < 2) return figure(mean);
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (values.length - 1);
  return `${figure(mean)} ± ${figure(Math.sqrt(variance))}`;
}
