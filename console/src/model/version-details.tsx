import type { Gate, ModelView, VersionView } from '../../../server/src/api.ts';
import { StateMark } from '../parts/state-mark.tsx';
import { Term } from '../parts/term.tsx';
import { bytes, number } from '../words/numbers.ts';
import { exact } from '../words/times.ts';
import { Checkpoints } from './checkpoints.tsx';
import { VersionFeatures } from './version-features.tsx';

/** Where a version comes from, what it had to pass, what it is. */
export function VersionDetails({ model, version }: { model: ModelView; version: VersionView }) {
  const {
    provenance,
    facts,
    policy,
    classes,
    inputs,
    outputs,
    memoryBytes,
    attachedBytes,
    placement,
    batchMicroseconds,
  } = version;
  const { missingAllowed, task } = version;
  const attachedWhere = placement === 'scorer' ? 'memory besides its process' : 'memory in a lane';
  return (
    <div className="version-details">
      <div>
        {version.refusal === null ? null : (
          <p>
            <StateMark level="act" /> {version.refusal}
          </p>
        )}
        <h4>Gates</h4>
        <Gates gates={version.gates} />
        <h4>Origin</h4>
        <Pairs
          pairs={[
            ['file', `${fileText(provenance)}, ${bytes(provenance.bytes)}`],
            ['made with', madeWith(provenance.framework, facts)],
            ['deployed', `${exact(provenance.at)} by ${provenance.by}`],
            [<Term key="digest" name="digest" />, <code key="value">{provenance.digest}</code>],
          ]}
        />
      </div>
      <div>
        <h4>Features</h4>
        <VersionFeatures version={version} />
      </div>
      <div>
        <h4>
          <Term name="serving">Serving</Term>
        </h4>
        <Pairs pairs={servingPairs(version.serving)} />
        <h4>Facts</h4>
        <Pairs
          pairs={[
            ['task', task],
            ...(classes ? [['classes', classes.join(', ')] as [string, string]] : []),
            ['inputs', <Tensors key="inputs" all={inputs} />],
            ['outputs', <Tensors key="outputs" all={outputs} />],
            ...(attachedBytes === null ? [] : [[attachedWhere, bytes(attachedBytes)] as [string, string]]),
            ...(memoryBytes === null
              ? []
              : [['as first of its kind', bytes(memoryBytes)] as [string, string]]),
            ...(batchMicroseconds === null
              ? []
              : [['a row in a batch', `${number(batchMicroseconds, 2)} µs`] as [string, string]]),
            ['missing values', missingAllowed ? 'taken, by the model’s own rule' : policy.missing],
            ['absent features', policy.missing],
            ['unknown categories', policy.unknown],
            ['extra features', policy.extra],
            ...Object.entries(facts)
              .filter(([name]) => !['features', 'framework', 'frameworkVersion'].includes(name))
              .map(([name, value]) => [spaced(name), factText(value)] as [string, string]),
          ]}
        />
      </div>
      {version.learner ? <Checkpoints model={model} version={version} learner={version.learner} /> : null}
    </div>
  );
}

export function Gates({ gates }: { gates: Gate[] }) {
  return (
    <ul className="gates">
      {gates.map((gate) => (
        <li key={gate.name}>
          <StateMark level={gate.passed ? 'well' : 'act'} wordless />
          <span>
            <b>{gate.name}</b> {gate.detail}
          </span>
        </li>
      ))}
    </ul>
  );
}

function Pairs({ pairs }: { pairs: [React.ReactNode, React.ReactNode][] }) {
  return (
    <dl className="pairs">
      {pairs.map(([name, value], i) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: the pairs of a version do not change their order
        <div key={i}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}

function servingPairs({ batching, automatic, cacheBytes, timeoutMs }: VersionView['serving']) {
  const delay = batching?.maxDelayMs ? `, after up to ${batching.maxDelayMs} ms` : '';
  const merged = batching ? `up to ${batching.maxSize} rows a call${delay}` : 'off';
  const pairs: [string, string][] = [
    ['batching', automatic ? `${merged} (automatic)` : merged],
    ['cache', cacheBytes === 0 ? 'off' : `up to ${bytes(cacheBytes)} in each lane`],
    ['timeout', timeoutMs === null ? 'none' : `${timeoutMs} ms`],
  ];
  return pairs;
}

/** "churn.zip: model.onnx": the name as given, and the file in it that holds the model. */
function fileText({ file, main, files = 1 }: VersionView['provenance']): string {
  const inside = main === undefined || main === file ? '' : `: ${main}`;
  return files > 1 ? `${file}${inside} of ${files} files` : `${file}${inside}`;
}

/** "xgboost 3.2.0": an exporter to ONNX names its version itself. */
function madeWith(framework: string, { frameworkVersion }: VersionView['facts']): string {
  return frameworkVersion === undefined ? framework : `${framework} ${frameworkVersion}`;
}

/** A line each, or they run into one another. */
function Tensors({ all }: { all: VersionView['inputs'] }) {
  return all.map((one) => <div key={one.name}>{tensorText(one)}</div>);
}

function tensorText({ name, datatype, shape }: VersionView['inputs'][number]): string {
  // A shape is kept on one line.
  return `${name} ${datatype} [${shape.map((one) => (one === -1 ? 'row' : one)).join(',\u00a0')}]`;
}

function factText(value: string | number | boolean): string {
  return typeof value === 'boolean' ? (value ? 'yes' : 'no') : String(value);
}

/** "maxDepth" as "max depth". */
function spaced(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
}
