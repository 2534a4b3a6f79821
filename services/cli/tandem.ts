import { keepCompiled } from './compile-cache.ts';
import { tuneCollector } from './garbage-collection.ts';

keepCompiled();
tuneCollector();
// Whoever reads what is printed here (head, less) may have seen enough.
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
    process.exit();
  });
}
const { run } = await import('./program.ts');
process.exitCode = await run(process.argv);
