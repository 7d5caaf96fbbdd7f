// The positions of rows with different heights, for rendering only those in view. A binary indexed tree, so that
// correcting the height of a row costs a few additions, however many rows there are.

export class Heights {
  #heights = new Float64Array(0);
  #tree = new Float64Array(1);
  #count = 0;
  #total = 0;

  get count(): number {
    return this.#count;
  }

  /** The total height of all rows. */
  get total(): number {
    return this.#total;
  }

  /** Resets to this many rows. */
  reset(count: number, height: (index: number) => number) {
    this.#count = 0;
    this.#total = 0;
    this.#reserve(count);
    this.#heights.fill(0);
    this.#count = count;
    for (let index = 0; index < count; index++) {
      const of = height(index);
      this.#heights[index] = of;
      this.#total += of;
    }
    this.#plant();
  }

  /** Appends rows. */
  grow(count: number, height: (index: number) => number) {
    if (this.#reserve(count)) this.#plant();
    while (this.#count < count) {
      const index = this.#count++;
      this.set(index, height(index));
    }
  }

  /** The height of a row. */
  of(index: number): number {
    return this.#heights[index] ?? 0;
  }

  set(index: number, height: number) {
    const by = height - (this.#heights[index] ?? 0);
    if (by === 0) return;
    this.#heights[index] = height;
    this.#total += by;
    for (let node = index + 1; node < this.#tree.length; node += node & -node)
      this.#tree[node] = (this.#tree[node] ?? 0) + by;
  }

  /** The offset of a row. */
  top(index: number): number {
    let sum = 0;
    for (let node = Math.min(index, this.#count); node > 0; node -= node & -node) sum += this.#tree[node] ?? 0;
    return sum;
  }

  /** The row at an offset; the first or last one if the offset is out of range. */
  at(place: number): number {
    let node = 0;
    let left = place;
    for (let step = 2 ** Math.floor(Math.log2(this.#tree.length)); step > 0; step >>= 1) {
      const next = node + step;
      if (next < this.#tree.length && (this.#tree[next] ?? 0) <= left && next <= this.#count) {
        node = next;
        left -= this.#tree[next] ?? 0;
      }
    }
    return Math.max(0, Math.min(node, this.#count - 1));
  }

  #reserve(count: number): boolean {
    if (count <= this.#heights.length) return false;
    const heights = new Float64Array(Math.max(1024, 2 ** Math.ceil(Math.log2(count))));
    heights.set(this.#heights);
    this.#heights = heights;
    return true;
  }

  #plant() {
    const tree = new Float64Array(this.#heights.length + 1);
    for (let node = 1; node < tree.length; node++) {
      tree[node] = (tree[node] ?? 0) + (this.#heights[node - 1] ?? 0);
      const parent = node + (node & -node);
      if (parent < tree.length) tree[parent] = (tree[parent] ?? 0) + (tree[node] ?? 0);
    }
    this.#tree = tree;
  }
}
