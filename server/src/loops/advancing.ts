import type { Verdict } from '../messages.ts';
import type { Baseline } from '../monitors/baseline.ts';
import { decide, settled } from '../rollout/decide.ts';
import { lossFor, pairOf } from '../rollout/loss.ts';
import { Paired } from '../rollout/paired.ts';
import type { ServedRollout, Snapshot } from '../snapshot.ts';
import type { Outcome } from './outcome.ts';
import { OutcomeTable } from './outcome-table.ts';
import type { State } from './state.ts';

interface Running {
  model: string;
  rule: ServedRollout;
  paired: Paired;
  /** Labelled rows that the live version answered. */
  labelled: number;
  /** Its verdict was sent: control carries it out once. */
  decided: boolean;
}

/** What state.db keeps of a rollout for its readers. */
export interface RolloutFold {
  verdict: ReturnType<typeof decide>['verdict'];
  reasons: string[];
  next: string;
  look: ReturnType<typeof decide>['look'];
  looks: ReturnType<Paired['looks']>;
  /** Labelled rows that the live version answered; those beyond the pairs the candidate was not asked. */
  labelled: number;
  /** Pairs without an answer of the candidate's; the first releases did not count them. */
  unanswered?: number;
}

/**
 * *Advance*: pairs up what the live version and the candidate answered to the same labelled rows, failures
 * included, and decides.
 * The state is a function of the outcomes that count now, so it is simply added up again at a start.
 */
export class Advancing {
  readonly #state: State;
  readonly #outcomes: OutcomeTable;
  readonly #baselineOf: (model: string, version: number) => Baseline | null;
  #running: Running[] = [];

  constructor(state: State, baselineOf: (model: string, version: number) => Baseline | null) {
    this.#state = state;
    this.#outcomes = new OutcomeTable(state.database);
    this.#baselineOf = baselineOf;
  }

  take(snapshot: Snapshot): void {
    const running: Running[] = [];
    for (const served of Object.values(snapshot.models)) {
      const rule = served.rollout;
      const version = rule && served.versions[rule.live];
      if (!rule || !version) continue;
      const known = this.#running.find((one) => one.rule.id === rule.id && one.rule.phase === rule.phase);
      if (known) {
        // A verdict that met a hold was not carried out: it is given again once the rollout goes on.
        running.push({ ...known, rule, decided: known.decided && !rule.held });
        continue;
      }
      // A regression's losses are measured in the usual spread of its labels.
      const scale = this.#baselineOf(served.name, rule.live)?.target?.sd ?? null;
      const one: Running = {
        model: served.name,
        rule,
        paired: new Paired(lossFor(version.signature.task, scale)),
        labelled: 0,
        decided: false,
      };
      this.#addUp(one);
      running.push(one);
    }
    this.#running = running;
  }

  /** Adds new outcomes. Returns the verdicts to carry out. */
  advance(outcomes: Outcome[], withdrawn: boolean): Verdict[] {
    return this.#verdicts((running) => this.#addAll(running, outcomes, withdrawn));
  }

  /** The verdicts to carry out on the pairs that are there: after a death, or when a rollout that was held is released. */
  due(): Verdict[] {
    return this.#verdicts(({ paired, rule }) => settled(paired, rule));
  }

  /** Whether a verdict that could not be carried out is one still; where it is not, it may be reached again. */
  stands({ id, kind, rollout }: Verdict): boolean {
    const running = this.#running.find(({ rule }) => rule.id === rollout);
    if (!running || idOf(running.rule, kind) !== id) return false;
    running.decided = settled(running.paired, running.rule) === kind;
    return running.decided;
  }

  #verdicts(look: (running: Running) => ReturnType<typeof settled>): Verdict[] {
    const verdicts: Verdict[] = [];
    for (const running of this.#running) {
      const verdict = look(running);
      if (verdict === null || running.decided) continue;
      running.decided = true;
      this.#keepOne(running);
      const { rule, paired, model } = running;
      const { reasons, look: shown } = decide(paired, rule);
      verdicts.push({
        id: idOf(rule, verdict),
        kind: verdict,
        model,
        version: rule.candidate,
        rollout: rule.id,
        reasons,
        at: shown?.at ?? 0,
        row: this.#state.predictions(model),
      });
    }
    return verdicts;
  }

  /** Adds a batch; looks after every pair, so that the verdict does not depend on how events were batched. */
  #addAll(running: Running, outcomes: Outcome[], withdrawn: boolean): ReturnType<typeof settled> {
    // Labels that turned out to be of another row are rare enough to add up again.
    if (withdrawn) {
      this.#addUp(running);
      return settled(running.paired, running.rule);
    }
    for (const outcome of outcomes) if (isLive(running, outcome)) running.labelled++;
    for (let i = 0; i < outcomes.length; i++) {
      if (!this.#add(running, outcomes, i) || running.decided) continue;
      const verdict = settled(running.paired, running.rule);
      if (verdict === null) continue;
      // The rest of the batch still counts.
      for (let k = i + 1; k < outcomes.length; k++) this.#add(running, outcomes, k);
      return verdict;
    }
    return null;
  }

  /** Puts what each rollout says now where readers find it. */
  save(): void {
    for (const running of this.#running) this.#keepOne(running);
  }

  #keepOne(running: Running): void {
    const { rule, paired, labelled } = running;
    const { verdict, reasons, look, next } = decide(paired, rule);
    if (look === null && labelled > 0)
      reasons.push(
        `${labelled.toLocaleString('en-GB')} labelled rows came that version ${rule.candidate} was not asked: it had no time for them, or no room.`,
      );
    const view: RolloutFold = {
      verdict,
      reasons,
      next,
      look,
      looks: paired.looks(rule.alpha),
      labelled,
      unanswered: paired.total.candidateNone,
    };
    this.#state.saveView(`rollout/${rule.id}/${rule.phase}`, view);
  }

  #addUp(running: Running): void {
    const { model, rule } = running;
    const { loss } = running.paired;
    running.paired = new Paired(loss);
    running.labelled = this.#outcomes.labelled(model, rule.id, rule.live);
    for (const { at, truth, live, candidate } of this.#outcomes.pairs(
      model,
      rule.id,
      rule.live,
      rule.candidate,
    )) {
      running.paired.add(pairOf(loss, at, truth, live, candidate));
    }
  }

  /** A pair is complete with the candidate's outcome: the live one's is always written before it. */
  #add(running: Running, outcomes: Outcome[], index: number): boolean {
    const { model, rule, paired } = running;
    const candidate = outcomes[index]!;
    if (candidate.version !== rule.candidate || candidate.role !== 'shadow' || candidate.model !== model)
      return false;
    if (candidate.rollout !== rule.id || candidate.liveVersion !== rule.live) return false;
    const answer = this.#liveAnswer(outcomes, index);
    if (answer === null) return false;
    const labelled = (truth: number) => pairOf(paired.loss, candidate.at, truth, answer, candidate.answer);
    const now = labelled(candidate.truth);
    if (candidate.replaces === null) paired.add(now);
    else paired.correct(labelled(this.#outcomes.truthOf(candidate.replaces)), now);
    return true;
  }

  #liveAnswer(outcomes: Outcome[], index: number): number | null {
    const { id, row, liveVersion } = outcomes[index]!;
    // Most often they were written together.
    for (let i = index - 1; i >= 0 && outcomes[i]!.id === id && outcomes[i]!.row === row; i--) {
      if (outcomes[i]!.role === 'live') return outcomes[i]!.answer;
    }
    return this.#outcomes.answerOf(id, row, liveVersion);
  }
}

/** Once a phase: the same verdict is the same command. */
function idOf({ id, phase }: ServedRollout, verdict: Verdict['kind']): string {
  return `${id}/${phase}/${verdict}`;
}

/** Whether an outcome is one that the candidate's would be paired with. */
function isLive({ model, rule }: Running, outcome: Outcome): boolean {
  return (
    outcome.role === 'live' &&
    outcome.model === model &&
    outcome.rollout === rule.id &&
    outcome.version === rule.live &&
    outcome.replaces === null
  );
}
