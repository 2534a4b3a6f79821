import { init } from 'echarts';

/** One line of a panel, or its dots or bars. */
export interface Series {
  name: string;
  /** x and y. */
  points: readonly (readonly [number, number])[];
  /** @default 'line' */
  as?: 'line' | 'dots' | 'bars';
}

/** One pair of axes with what is drawn in it. */
export interface Panel {
  title: string;
  xName: string;
  yName: string;
  /** @default 'linear' */
  yScale?: 'linear' | 'log';
  series: readonly Series[];
}

/** Of what is left of the names. */
const PLOT_WIDTH = 770;
/** About as much as a letter of a name takes. */
const LETTER_WIDTH = 6.2;
const LEGEND_SYMBOL_WIDTH = 60;
const COLOURS = ['#3b6fd4', '#e07b28', '#2a9d6f', '#c2405b', '#7b58c0', '#8a6d3b', '#1f9fb4', '#b0a000', '#d169b3', '#606878', '#6aa329', '#30406b'];
const TITLE_HEIGHT = 48;
const PANEL_HEIGHT = 300;
const MARGIN = { left: 80, top: 44, bottom: 48 };

const SERIES_TYPES = { line: 'line', dots: 'scatter', bars: 'bar' } as const;

/** Panels one below the other as one SVG document. Needs no browser. */
export function lineCharts(title: string, panels: readonly Panel[]): string {
  const longest = Math.max(0, ...panels.flatMap(({ series }) => series.map(({ name }) => name.length)));
  const right = Math.max(190, Math.ceil(LEGEND_SYMBOL_WIDTH + longest * LETTER_WIDTH));
  const chart = init(null, null, { renderer: 'svg', ssr: true, width: PLOT_WIDTH + right, height: TITLE_HEIGHT + panels.length * PANEL_HEIGHT });
  const top = (index: number) => TITLE_HEIGHT + index * PANEL_HEIGHT;
  chart.setOption({
    animation: false,
    color: COLOURS,
    backgroundColor: '#ffffff',
    title: [{ text: title, left: 'center', top: 8 }, ...panels.map((panel, index) => ({ text: panel.title, left: MARGIN.left, top: top(index), textStyle: { fontSize: 13 } }))],
    grid: panels.map((_, index) => ({ left: MARGIN.left, right, top: top(index) + MARGIN.top, height: PANEL_HEIGHT - MARGIN.top - MARGIN.bottom })),
    xAxis: panels.map(({ xName }, gridIndex) => ({ type: 'value', gridIndex, name: xName, nameLocation: 'middle', nameGap: 26 })),
    yAxis: panels.map(({ yName, yScale = 'linear' }, gridIndex) => ({ type: yScale === 'log' ? 'log' : 'value', gridIndex, name: yName, nameLocation: 'middle', nameGap: 56 })),
    legend: panels.map(({ series }, index) => ({ data: series.map(({ name }) => name), orient: 'vertical', left: PLOT_WIDTH + 16, top: top(index) + MARGIN.top, textStyle: { fontSize: 11 } })),
    series: panels.flatMap(({ series }, index) => series.map(({ name, points, as = 'line' }) => ({
      name, type: SERIES_TYPES[as], ...(as === 'bars' ? { barWidth: 16, barGap: '-100%' } : {}), data: points.map((point) => [...point]), xAxisIndex: index, yAxisIndex: index, symbolSize: as === 'dots' ? 3 : 0, lineStyle: { width: 1.5 },
    }))),
  });
  const svg = chart.renderToSVGString();
  chart.dispose();
  return svg;
}
