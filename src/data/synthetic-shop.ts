/** A seeded shop whose customers behave predictably enough to learn from: for tests, examples and demos. */
import { Rng } from '../core/rng.ts';
import { checkNumber, refuseOthers } from '../core/shape.ts';
import { Catalog } from './catalog.ts';
import { Interactions } from './interactions.ts';
import { CATEGORIES, COLOURS } from './shop-products.ts';

export interface SyntheticShopOptions {
  /** The seed: the same options give the same shop on every platform. @defaultValue 42 */
  seed?: number | undefined;
  /** The number of customers. @defaultValue 3000 */
  users?: number | undefined;
  /**
   * The number of items, at least 60: 12 categories of 5 products, each in up to 6 colours, then in several kinds.
   *
   * @defaultValue 360: every product once in every colour
   */
  items?: number | undefined;
  /** Events a customer on average; customers have from half to one and a half of it. @defaultValue 24 */
  events?: number | undefined;
  /** Plans that a customer follows at the same time, each through the products of one category. @defaultValue 2 */
  plans?: number | undefined;
  /** The share of items that are chosen in the customer's colour. @defaultValue 0.8 */
  taste?: number | undefined;
  /** The chance, before each event, that the customer's colour gives way to a neighbouring one. @defaultValue 0.03 */
  drift?: number | undefined;
  /** The share of events that belong to no plan: any item, popular ones more often. @defaultValue 0.1 */
  explore?: number | undefined;
  /** The share of events that come back to one of the customer's ten latest items. @defaultValue 0.05 */
  repeat?: number | undefined;
}

/** An item of the shop; its row in the catalogue is its place in the list. */
export interface ShopItem {
  id: string;
  name: string;
  category: string;
  price: number;
}

export interface SyntheticShop {
  /** The events by user; `log.items.name(row)` is readable. */
  log: Interactions;
  items: ShopItem[];
  /** The same events as rows in order of time, as an application would have them. */
  rows: { user: string; item: string; time: number }[];
}

/**
 * A shop whose order of events matters. A customer follows `plans` plans at once and takes turns between them at random,
 * so the next item depends on several past ones: a plan goes through the products of a category in their order (a tent,
 * a sleeping bag, a mat …, sometimes skipping one) and then makes way for another, of a related category or one the
 * customer likes. Most items have the customer's colour, which drifts. Categories and items are popular by Zipf's law.
 * Times are milliseconds; events come in sessions of a few minutes, days apart.
 *
 * @example
 * ```ts
 * const { log, items } = syntheticShop({ users: 500, seed: 7 });
 * ```
 */
export function syntheticShop(options: SyntheticShopOptions = {}): SyntheticShop {
  const settings = readOptions(options);
  const root = new Rng(settings.seed).fork('shop');
  const shop = stock(settings.items, root);
  const rows: SyntheticShop['rows'] = [];
  for (let u = 0; u < settings.users; u++) {
    for (const { row, time } of customer(shop, settings, root.fork('customer').fork(u))) {
      rows.push({ user: `user-${u + 1}`, item: (shop.items[row] as ShopItem).id, time });
    }
  }
  rows.sort((a, b) => a.time - b.time);
  const catalog = new Catalog(
    shop.items.map(({ id }) => id),
    { names: shop.items.map(({ name }) => name) },
  );
  return { log: Interactions.from(rows, { catalog }), items: shop.items, rows };
}

type Settings = Required<{ [K in keyof SyntheticShopOptions]: number }>;

function readOptions(options: SyntheticShopOptions): Settings {
  const share = (name: string, value: number) => checkNumber(name, value, { min: 0, max: 1 });
  const whole = (name: string, value: number, min: number) => checkNumber(name, value, { min, integer: true });
  const { seed, users, items, events, plans, taste, drift, explore, repeat, ...others } = options;
  refuseOthers('syntheticShop', others, options);
  return {
    seed: seed ?? 42,
    users: whole('users', users ?? 3000, 1),
    items: whole('items', items ?? 360, PRODUCTS.length),
    events: whole('events', events ?? 24, 2),
    plans: whole('plans', plans ?? 2, 1),
    taste: share('taste', taste ?? 0.8),
    drift: share('drift', drift ?? 0.03),
    explore: share('explore', explore ?? 0.1),
    repeat: share('repeat', repeat ?? 0.05),
  };
}

const PRODUCTS = CATEGORIES.flatMap(({ products }, category) => products.map((product) => ({ category, ...product })));
const STAGES = PRODUCTS.length / CATEGORIES.length;

interface Stock {
  items: ShopItem[];
  /** The rows of each product, by product. */
  ofProduct: number[][];
  colour: number[];
  /** How often an item is chosen among others. */
  weight: number[];
}

function stock(count: number, root: Rng): Stock {
  const rng = root.fork('stock');
  const fame = rng.fork('fame').permutation(count);
  const items: ShopItem[] = [];
  const ofProduct: number[][] = PRODUCTS.map(() => []);
  const colour: number[] = [];
  for (let row = 0; row < count; row++) {
    const product = row % PRODUCTS.length;
    const { category, name, price } = PRODUCTS[product] as (typeof PRODUCTS)[number];
    // each product begins with another colour, so that few items a product still show all colours
    colour.push((Math.floor(row / PRODUCTS.length) + product) % COLOURS.length);
    items.push({
      id: `sku-${row + 1}`,
      name: `${COLOURS[colour[row] as number]} ${name} ${row + 1}`,
      category: (CATEGORIES[category] as (typeof CATEGORIES)[number]).name,
      price: Math.round(price * (0.7 + 0.6 * rng.uniform(row))) - 0.01,
    });
    (ofProduct[product] as number[]).push(row);
  }
  return { items, ofProduct, colour, weight: Array.from(fame, zipf) };
}

interface Plan {
  category: number;
  stage: number;
}

/** The events of one customer, in order of time. */
function* customer(shop: Stock, settings: Settings, rng: Rng): Generator<{ row: number; time: number }> {
  const { plans, taste, drift, explore, repeat } = settings;
  let draws = 0;
  const draw = () => rng.uniform(draws++);
  const chance = (share: number) => draw() < share;
  const liking = Array.from(rng.fork('liking').permutation(CATEGORIES.length), zipf);
  const everyRow = shop.items.map((_, row) => row);
  const newPlan = (after?: number): Plan => {
    const related = after !== undefined && chance(0.5);
    return { category: related ? (after + 1) % CATEGORIES.length : pick(liking, draw()), stage: 0 };
  };
  let colour = Math.floor(draw() * COLOURS.length);
  const active = Array.from({ length: plans }, () => {
    const plan = newPlan();
    plan.stage = Math.floor(draw() * STAGES);
    return plan;
  });
  const past: number[] = [];
  const length = Math.round(settings.events * (0.5 + draw()));
  let time = Date.UTC(2024, 0, 1) + Math.floor(draw() * 60 * DAY);
  let left = 0;
  for (let n = 0; n < length; n++) {
    if (left === 0) {
      left = 1 + Math.floor(draw() * 8);
      time += Math.floor((0.5 + 6 * draw() * draw()) * DAY);
    }
    left--;
    time += Math.floor((0.3 + 5 * draw()) * MINUTE);
    if (chance(drift)) colour = (colour + (chance(0.5) ? 1 : COLOURS.length - 1)) % COLOURS.length;
    const kind = draw();
    let row: number;
    if (kind < repeat && past.length > 0) {
      const latest = past.slice(-10);
      row = latest[Math.floor(draw() * latest.length)] as number;
    } else if (kind < repeat + explore) {
      row = everyRow[pick(shop.weight, draw())] as number;
    } else {
      const turn = Math.floor(draw() * plans);
      const plan = active[turn] as Plan;
      if (chance(0.1)) plan.stage++;
      if (plan.stage >= STAGES) Object.assign(plan, newPlan(plan.category));
      const rows = shop.ofProduct[plan.category * STAGES + plan.stage++] as number[];
      row = choose(rows, shop, chance(taste) ? colour : undefined, past, draw());
    }
    past.push(row);
    yield { row, time };
  }
}

const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;

/** One of a product's items: of the colour if there is one, and not one the customer has had if there is another. */
function choose(
  rows: readonly number[],
  shop: Stock,
  colour: number | undefined,
  past: readonly number[],
  at: number,
): number {
  const fresh = rows.filter((row) => !past.includes(row));
  const open = fresh.length > 0 ? fresh : rows;
  const liked = open.filter((row) => shop.colour[row] === colour);
  const among = liked.length > 0 ? liked : open;
  return among[
    pick(
      among.map((row) => shop.weight[row] as number),
      at,
    )
  ] as number;
}

/** The index that the uniform number `at` falls on when every index is as wide as its weight. */
function pick(weights: readonly number[], at: number): number {
  let rest = at * weights.reduce((sum, weight) => sum + weight, 0);
  for (let i = 0; i < weights.length - 1; i++) {
    rest -= weights[i] as number;
    if (rest < 0) return i;
  }
  return weights.length - 1;
}

/** Zipf's law: the weight of a rank from 0. */
function zipf(rank: number): number {
  return 1 / (rank + 1);
}
