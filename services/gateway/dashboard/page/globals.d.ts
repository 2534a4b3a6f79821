/** The chart library: the page loads it as a script of its own. */
declare const uPlot: new (options: object, data: unknown[], parent: HTMLElement) => {
  setData(data: unknown[]): void;
  setSize(size: { width: number; height: number }): void;
  destroy(): void;
};
