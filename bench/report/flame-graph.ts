import type { CallTree } from './cpu-profile.ts';

const WIDTH = 1_200;
const ROW = 16;
const LEAST_PX = 0.6;
const TEXT_PX = 40;
const CHARACTER_PX = 6.2;
const DEEPEST = 48;

interface Box {
  node: CallTree;
  x: number;
  depth: number;
}

function escape(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}

/** A colour for each part, the same in every graph. */
function colour(part: string): string {
  let hash = 7;
  for (const character of part) hash = (hash * 31 + character.charCodeAt(0)) % 360;
  return `hsl(${hash} 65% 72%)`;
}

function boxes(tree: CallTree): Box[] {
  const found: Box[] = [];
  const visit = (node: CallTree, x: number, depth: number): void => {
    if ((node.totalUs / tree.totalUs) * WIDTH < LEAST_PX || depth > DEEPEST) return;
    found.push({ node, x, depth });
    let at = x;
    for (const child of node.children.toSorted((left, right) => right.totalUs - left.totalUs)) {
      visit(child, at, depth + 1);
      at += (child.totalUs / tree.totalUs) * WIDTH;
    }
  };
  if (tree.totalUs > 0) visit(tree, 0, 0);
  return found;
}

function draw({ node, x, depth }: Box, totalUs: number): string {
  const width = (node.totalUs / totalUs) * WIDTH;
  const y = 30 + depth * ROW;
  const label = width < TEXT_PX ? '' : `<text x="${(x + 3).toFixed(1)}" y="${y + 12}">${escape(node.name.slice(0, Math.floor(width / CHARACTER_PX)))}</text>`;
  const title = `<title>${escape(`${node.name} (${node.part}): ${((node.totalUs / totalUs) * 100).toFixed(1)} %, itself ${((node.selfUs / totalUs) * 100).toFixed(1)} %`)}</title>`;
  return `<g>${title}<rect x="${x.toFixed(1)}" y="${y}" width="${width.toFixed(1)}" height="${ROW - 1}" fill="${colour(node.part)}"/>${label}</g>`;
}

/** Callers above what they call, the widest first; the width is the time. Hovering shows names and shares. */
export function flameGraph(title: string, tree: CallTree): string {
  const all = boxes(tree);
  const height = 40 + (Math.max(0, ...all.map(({ depth }) => depth)) + 1) * ROW;
  const head = `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}" font-family="sans-serif" font-size="10.5"><rect width="100%" height="100%" fill="#fff"/>`;
  return `${head}<text x="6" y="20" font-size="14">${escape(title)}</text>${all.map((box) => draw(box, tree.totalUs)).join('')}</svg>\n`;
}
