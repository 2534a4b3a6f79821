import { init } from 'echarts';

export interface Series {
  name: string;
  /** x and y. */
  points: readonly (readonly [number, number])[];
  /** Dots instead of a line. @default 'line' */
  as?: 'line' | 'dots';
}

export interface Panel {
  title: string;
  xName: string;
  yName: string;
  /** @default 'linear' */
  yScale?: 'linear' | 'log';
  series: readonly Series[];
}

const WIDTH = 960;
const TITLE_HEIGHT = 48;
const PANEL_HEIGHT = 300;
const MARGIN = { left: 80, right: 190, top: 44, bottom: 48 };

/** Panels one below the other as one SVG document. Needs no browser. */
export function lineCharts(title: string, panels: readonly Panel[]): string {
  const chart = init(null, null, { renderer: 'svg', ssr: true, width: WIDTH, height: TITLE_HEIGHT + panels.length * PANEL_HEIGHT });
  const top = (index: number) => TITLE_HEIGHT + index * PANEL_HEIGHT;
  chart.setOption({
    animation: false,
    backgroundColor: '#ffffff',
    title: [{ text: title, left: 'center', top: 8 }, ...panels.map((panel, index) => ({ text: panel.title, left: MARGIN.left, top: top(index), textStyle: { fontSize: 13 } }))],
    grid: panels.map((_, index) => ({ left: MARGIN.left, right: MARGIN.right, top: top(index) + MARGIN.top, height: PANEL_HEIGHT - MARGIN.top - MARGIN.bottom })),
    xAxis: panels.map(({ xName }, gridIndex) => ({ type: 'value', gridIndex, name: xName, nameLocation: 'middle', nameGap: 26 })),
    yAxis: panels.map(({ yName, yScale = 'linear' }, gridIndex) => ({ type: yScale === 'log' ? 'log' : 'value', gridIndex, name: yName, nameLocation: 'middle', nameGap: 56 })),
    legend: panels.map(({ series }, index) => ({ data: series.map(({ name }) => name), orient: 'vertical', left: WIDTH - MARGIN.right + 16, top: top(index) + MARGIN.top, textStyle: { fontSize: 11 } })),
    series: panels.flatMap(({ series }, index) => series.map(({ name, points, as = 'line' }) => ({
      name, type: as === 'dots' ? 'scatter' as const : 'line' as const, data: points.map((point) => [...point]), xAxisIndex: index, yAxisIndex: index, symbolSize: as === 'dots' ? 3 : 0, lineStyle: { width: 1.5 },
    }))),
  });
  const svg = chart.renderToSVGString();
  chart.dispose();
  return svg;
}
