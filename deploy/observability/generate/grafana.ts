import type { Dashboard, Panel } from './dashboards.ts';

const COLUMNS = 3;
const WIDTH = 24 / COLUMNS;
const HEIGHT = 8;
const SOURCE = { type: 'prometheus', uid: '${source}' } as const;

function targets(queries: Panel['queries']): object[] {
  return Object.entries(queries).map(([legendFormat, expr], index) => ({
    refId: String.fromCharCode('A'.charCodeAt(0) + index), datasource: SOURCE, expr, legendFormat, exemplar: expr.includes('_bucket'), range: true,
  }));
}

function panel({ title, unit, help, queries }: Panel, index: number): object {
  return {
    id: index + 1, type: 'timeseries', title, datasource: SOURCE,
    ...(help === undefined ? {} : { description: help }),
    gridPos: { h: HEIGHT, w: WIDTH, x: (index % COLUMNS) * WIDTH, y: Math.floor(index / COLUMNS) * HEIGHT },
    fieldConfig: { defaults: { unit, min: 0, custom: { fillOpacity: 8, lineWidth: 1, showPoints: 'never' } }, overrides: [] },
    options: { legend: { displayMode: 'list', placement: 'bottom' }, tooltip: { mode: 'multi', sort: 'desc' } },
    targets: targets(queries),
  };
}

/** What Grafana imports, or is provisioned with. */
export function grafanaJson({ name, title, panels }: Dashboard): object {
  return {
    uid: `tandem-${name}`, title, tags: ['tandem'], schemaVersion: 39, version: 1, editable: true, graphTooltip: 1,
    refresh: '10s', time: { from: 'now-1h', to: 'now' }, timezone: 'browser',
    templating: { list: [{ name: 'source', type: 'datasource', query: 'prometheus', label: 'Prometheus', current: {}, hide: 0 }] },
    links: [{ type: 'dashboards', tags: ['tandem'], asDropdown: false, title: 'Tandem', includeVars: true, keepTime: true }],
    panels: panels.map(panel),
  };
}
