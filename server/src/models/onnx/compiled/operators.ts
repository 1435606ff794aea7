import type { OnnxNode } from '../graph.ts';
import { int } from './attributes.ts';
import {
  planArgMax,
  planCast,
  planConcat,
  planConstant,
  planExtractor,
  planOneHot,
  planPick,
  planReshape,
  planSame,
} from './plan-columns.ts';
import { planLinearClassifier, planLinearRegressor } from './plan-linear.ts';
import {
  arithmetic,
  planImputer,
  planMatrix,
  planNormalizer,
  planScaler,
  planTransform,
} from './plan-numbers.ts';
import { planClassifier, planEnsemble } from './plan-trees.ts';
import type { Planner } from './planner.ts';

/** Plans a node; false where it uses a detail that is not compiled. */
export type PlanNode = (node: OnnxNode, planner: Planner) => boolean;

const ml = (plan: PlanNode) => ({ domain: 'ai.onnx.ml', plan });
const standard = (plan: PlanNode) => ({ domain: '', plan });

/** Every operator that is compiled, as scikit-learn's exporters use it. */
export const operators: Record<string, { domain: string; plan: PlanNode }> = {
  TreeEnsembleClassifier: ml(planClassifier),
  TreeEnsembleRegressor: ml(planEnsemble),
  TreeEnsemble: ml(planEnsemble),
  LinearClassifier: ml(planLinearClassifier),
  LinearRegressor: ml(planLinearRegressor),
  Scaler: ml(planScaler),
  Imputer: ml(planImputer),
  Normalizer: ml(planNormalizer),
  OneHotEncoder: ml(planOneHot),
  ArrayFeatureExtractor: ml(planExtractor),
  FeatureVectorizer: ml(planConcat),
  ZipMap: ml(planSame),
  Identity: standard(planSame),
  Constant: standard(planConstant),
  Cast: standard(planCast),
  Concat: standard(planConcat),
  Reshape: standard(planReshape),
  Flatten: standard((node, planner) => int(node, 'axis', 1) === 1 && planSame(node, planner)),
  Gather: standard((node, planner) => int(node, 'axis', 0) === 1 && planPick(node, planner)),
  Add: standard(arithmetic('add', 'add')),
  Sub: standard(arithmetic('subtract', 'subtractFrom')),
  Mul: standard(arithmetic('multiply', 'multiply')),
  Div: standard(arithmetic('divide', 'divideInto')),
  MatMul: standard(planMatrix),
  Gemm: standard(planMatrix),
  Sigmoid: standard((node, planner) => planTransform(node, planner, 'SIGMOID')),
  Softmax: standard(
    (node, planner) => [1, -1].includes(int(node, 'axis', 1)) && planTransform(node, planner, 'SOFTMAX'),
  ),
  ArgMax: standard(planArgMax),
};
