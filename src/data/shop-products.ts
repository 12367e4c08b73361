/** What the synthetic shop sells: categories, each with products in the order in which people usually come to want them. */

export interface ShopProduct {
  name: string;
  /** In whole units of money. */
  price: number;
}

export interface ShopCategory {
  name: string;
  products: readonly ShopProduct[];
}

/** Colours stand for taste: neighbours in this list (and its ends) are alike. */
export const COLOURS = ['Red', 'Orange', 'Yellow', 'Green', 'Blue', 'Violet'];

const category = (name: string, ...products: [name: string, price: number][]): ShopCategory => ({
  name,
  products: products.map(([product, price]) => ({ name: product, price })),
});

export const CATEGORIES: readonly ShopCategory[] = [
  category(
    'Running',
    ['Running Shoes', 110],
    ['Running Socks', 12],
    ['Running Shorts', 35],
    ['Sports Watch', 190],
    ['Running Belt', 25],
  ),
  category('Camping', ['Tent', 220], ['Sleeping Bag', 95], ['Camping Mat', 45], ['Camp Stove', 60], ['Lantern', 30]),
  category(
    'Coffee',
    ['Coffee Grinder', 120],
    ['Kettle', 55],
    ['Dripper', 24],
    ['Coffee Filters', 6],
    ['Coffee Mug', 14],
  ),
  category(
    'Cycling',
    ['Bicycle Helmet', 70],
    ['Bicycle Light', 32],
    ['Bicycle Lock', 48],
    ['Tyre Pump', 28],
    ['Cycling Gloves', 26],
  ),
  category(
    'Baking',
    ['Stand Mixer', 260],
    ['Baking Tin', 18],
    ['Rolling Pin', 15],
    ['Oven Gloves', 16],
    ['Cake Stand', 34],
  ),
  category(
    'Gardening',
    ['Spade', 38],
    ['Watering Can', 27],
    ['Plant Pot', 13],
    ['Garden Gloves', 11],
    ['Bird Feeder', 22],
  ),
  category(
    'Yoga',
    ['Yoga Mat', 42],
    ['Yoga Block', 14],
    ['Yoga Trousers', 48],
    ['Meditation Cushion', 39],
    ['Water Bottle', 19],
  ),
  category('Desk', ['Desk Lamp', 58], ['Keyboard', 85], ['Mouse', 44], ['Headphones', 130], ['Laptop Stand', 46]),
  category('Painting', ['Easel', 75], ['Paint Set', 36], ['Brush Set', 21], ['Canvas', 17], ['Apron', 20]),
  category('Music', ['Ukulele', 90], ['Tuner', 18], ['Strap', 15], ['Music Stand', 29], ['Instrument Case', 52]),
  category(
    'Travel',
    ['Suitcase', 140],
    ['Neck Pillow', 23],
    ['Travel Adapter', 25],
    ['Packing Cubes', 28],
    ['Luggage Tag', 9],
  ),
  category(
    'Swimming',
    ['Swimsuit', 49],
    ['Swimming Goggles', 22],
    ['Bathing Cap', 10],
    ['Beach Towel', 26],
    ['Swim Fins', 37],
  ),
];
