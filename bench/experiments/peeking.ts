import { ReportBook, reportKey, summaryOf, ExperimentTallies, started, type ArmSummary } from '@tandem/shared/core';
import { seededRandom } from '@tandem/shared/random';
import { experimentSchema } from '@tandem/schemas';

/**
 * How often experiments without a difference end in a decision when somebody looks after every hundred answers and stops at the first
 * interval that excludes zero; and how soon differences that there are get found. Users differ in how predictable they are and in how often they ask.
 * `npm run bench:experiments -- [runs]`
 */
const RUNS = Number(process.argv[2] ?? 400);
const ANSWERS = 10_000;
const USERS = 2_000;
const EVERY = 100;

const control = started(experimentSchema.parse({
  name: 'peeking', workload: 'w', model: 'm', arms: [{ name: 'a', weight: 1 }, { name: 'b', weight: 1 }],
}), {}, { by: 'bench', time: 0, why: 'started' });

/** As textbooks have it for one look, and answers that have nothing to do with each other. */
function textbook(a: ArmSummary, b: ArmSummary): boolean {
  const [p, q] = [a.hitRateAt10?.estimate ?? 0, b.hitRateAt10?.estimate ?? 0];
  return Math.abs(p - q) > 1.96 * Math.sqrt((p * (1 - p)) / a.judged + (q * (1 - q)) / b.judged);
}

interface Decisions {
  textbook: number | undefined;
  alwaysValid: number | undefined;
}

/** After how many answers each of them would have decided. */
function run(seed: number, effect: number): Decisions {
  const random = seededRandom(seed, 'answers');
  const tallies = new ExperimentTallies();
  const decided: Decisions = { textbook: undefined, alwaysValid: undefined };
  for (let answer = 1; answer <= ANSWERS; answer += 1) {
    const user = Math.floor(USERS * random() ** 2);
    const arm = random() < 0.5 ? 'a' : 'b';
    const rate = 0.1 + 0.5 * ((user * 0.618_033_99) % 1) + (arm === 'b' ? effect : 0);
    tallies.of(control).judged(arm, `${arm}${user}`, random() < rate);
    if (answer % EVERY !== 0) continue;
    const [a, b] = look(tallies);
    if (Math.min(a.users, b.users) < control.definition.minimumUsers) continue;
    if (textbook(a, b)) decided.textbook ??= answer;
    if (b.standing === 'won' || b.standing === 'lost') decided.alwaysValid ??= answer;
  }
  return decided;
}

function look(tallies: ExperimentTallies): [ArmSummary, ArmSummary] {
  const book = new ReportBook();
  for (const report of tallies.reports('f/0', 0)) book.heard(reportKey(report), Buffer.from(JSON.stringify(report)));
  const { arms: [a, b] } = summaryOf(control, book.countsOf(control));
  return [a!, b!];
}

const median = (values: readonly number[]) => values.toSorted((x, y) => x - y)[Math.floor(values.length / 2)];

for (const effect of [0, 0.03, 0.05, 0.1]) {
  const runs = Array.from({ length: RUNS }, (_, index) => run(index + 1, effect));
  const of = (name: keyof Decisions) => {
    const at = runs.flatMap((decisions) => decisions[name] ?? []);
    return `${((100 * at.length) / RUNS).toFixed(1)} % decided${at.length === 0 ? '' : `, half of those by ${median(at)} answers`}`;
  };
  console.log(`difference ${effect}: textbook interval ${of('textbook')}; always valid ${of('alwaysValid')}  (${RUNS} runs of ${ANSWERS} answers, looked at every ${EVERY})`);
}
