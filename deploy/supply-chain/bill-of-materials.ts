/** An entry of package-lock.json. */
export interface LockedPackage {
  version?: string;
  name?: string;
  resolved?: string;
  integrity?: string;
  link?: boolean;
  /** Only for development. */
  dev?: boolean;
  devOptional?: boolean;
}

export interface LockFile {
  packages: Record<string, LockedPackage>;
}

export interface Component {
  'bom-ref': string;
  type: string;
  name: string;
  version: string;
  purl: string;
  hashes?: { alg: string; content: string }[];
}

/** As much of CycloneDX as is looked at here. */
export interface BillOfMaterials {
  bomFormat: string;
  specVersion: string;
  version: number;
  metadata: { component: Component };
  components: Component[];
  dependencies: { ref: string; dependsOn: string[] }[];
}

const FOLDER = 'node_modules/';

/** Packages from a registry: not the workspaces, nor links to them. By `name@version`, with where they lie. */
export function lockedPackages({ packages }: LockFile): { path: string; id: string; locked: LockedPackage }[] {
  return Object.entries(packages)
    .filter(([path, { link }]) => path.includes(FOLDER) && link !== true)
    .map(([path, locked]) => ({ path, id: `${locked.name ?? path.slice(path.lastIndexOf(FOLDER) + FOLDER.length)}@${locked.version}`, locked }));
}

/** What runs in production, by `name@version`. */
export function productionPackages(lock: LockFile): Set<string> {
  return new Set(lockedPackages(lock).filter(({ locked: { dev, devOptional } }) => dev !== true && devOptional !== true).map(({ id }) => id));
}

/**
 * The bill without what serves development alone. Not left to `npm sbom --omit=dev`: that also leaves out what the product needs as soon as the
 * tests name it too.
 */
export function withoutDevelopment(bill: BillOfMaterials, lock: LockFile, name: string): BillOfMaterials {
  const registered = new Set(lockedPackages(lock).map(({ id }) => id));
  const production = productionPackages(lock);
  const isOurs = (ref: string): boolean => !registered.has(ref) || production.has(ref);
  const { component } = bill.metadata;
  return {
    ...bill,
    // Else it has the name of the folder.
    metadata: { ...bill.metadata, component: { ...component, name } },
    components: bill.components.filter((one) => isOurs(`${one.name}@${one.version}`)),
    dependencies: bill.dependencies.filter(({ ref }) => isOurs(ref)).map((one) => ({ ...one, dependsOn: one.dependsOn.filter(isOurs) })),
  };
}
