/** Times as texts. */

const NUMBER = /^\s*[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?\s*$/i;
const DATE = /^\s*(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d(?::\d\d(?:\.\d+)?)?)\s?(Z|[+-]\d\d(?::?\d\d)?)?)?\s*$/i;

/** The number or the ISO 8601 date (without a zone: UTC) that a text holds; undefined for another text. */
export function timeOfText(text: string): number | Date | undefined {
  if (NUMBER.test(text)) return Number(text);
  const match = DATE.exec(text);
  // a date without a zone would otherwise depend on where the program runs
  const date = match && new Date(`${match[1]}T${match[2] ?? '00:00'}${zone(match[3])}`);
  return date && !Number.isNaN(date.getTime()) ? date : undefined;
}

/** A zone as JavaScript's dates read it, `+02:00`, from the other forms of ISO 8601. */
function zone(text = 'Z'): string {
  if (text.toUpperCase() === 'Z') return 'Z';
  return `${text.slice(0, 3)}:${text.slice(3).replace(':', '') || '00'}`;
}
