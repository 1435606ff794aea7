import type { OnnxNode } from '../graph.ts';
import { int } from './attributes.ts';
import { planEncoder, planExtractor, planOneHot } from './plan-categories.ts';
import { ofOne, ofTwo, planBinarizer, planClip, planWhere, questions, truths } from './plan-elementwise.ts';
import { planLinearClassifier, planLinearRegressor } from './plan-linear.ts';
import {
  planImputer,
  planLpNormalization,
  planMatrix,
  planNormalizer,
  planScaler,
  planTransform,
} from './plan-numbers.ts';
import {
  planArg,
  planConcat,
  planFlatten,
  planGather,
  planReshape,
  planSlice,
  planSplit,
  planSqueeze,
  planUnsqueeze,
  reduce,
} from './plan-rows.ts';
import { planFill, planLongerShape, planShape, planSizes } from './plan-shapes.ts';
import { planLayer, planMeanOfStack, planStack } from './plan-stack.ts';
import { planClassifier, planEnsemble } from './plan-trees.ts';
import { planCast, planConstant, planSame } from './plan-values.ts';
import type { Planner } from './planner.ts';

/** Plans a node; false where it uses a detail that is not compiled. */
export type PlanNode = (node: OnnxNode, planner: Planner) => boolean;

const ml = (plan: PlanNode) => ({ domain: 'ai.onnx.ml', plan });
const standard = (plan: PlanNode) => ({ domain: '', plan });

/** The first way that takes a node. */
const either =
  (...ways: PlanNode[]): PlanNode =>
  (node, planner) =>
    ways.some((plan) => plan(node, planner));

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
  Binarizer: ml(planBinarizer),
  OneHotEncoder: ml(planOneHot),
  LabelEncoder: ml(planEncoder),
  ArrayFeatureExtractor: ml(planExtractor),
  FeatureVectorizer: ml(planConcat),
  ZipMap: ml(planSame),
  // Values as they are, under other shapes, side by side
  Identity: standard(planSame),
  Constant: standard(planConstant),
  Cast: standard(planCast),
  Concat: standard(either(planConcat, planStack, planLongerShape)),
  Reshape: standard(either(planReshape, planLayer)),
  Flatten: standard(planFlatten),
  Squeeze: standard(planSqueeze),
  Unsqueeze: standard(planUnsqueeze),
  Gather: standard(either(planGather, planSizes)),
  Slice: standard(planSlice),
  Split: standard(planSplit),
  Shape: standard(planShape),
  ConstantOfShape: standard(planFill),
  // Number by number
  Add: standard(ofTwo('add')),
  Sum: standard(ofTwo('add')),
  Sub: standard(ofTwo('subtract')),
  Mul: standard(ofTwo('multiply')),
  Div: standard(ofTwo('divide')),
  Pow: standard(ofTwo('power')),
  Max: standard(ofTwo('greatest')),
  Min: standard(ofTwo('least')),
  Less: standard(ofTwo('less', questions)),
  LessOrEqual: standard(ofTwo('lessOrEqual', questions)),
  Greater: standard(ofTwo('greater', questions)),
  GreaterOrEqual: standard(ofTwo('greaterOrEqual', questions)),
  Equal: standard(ofTwo('equal', questions)),
  And: standard(ofTwo('and', truths)),
  Or: standard(ofTwo('or', truths)),
  Not: standard(ofOne('not', truths)),
  Abs: standard(ofOne('absolute')),
  Neg: standard(ofOne('negate')),
  Sign: standard(ofOne('sign')),
  Sqrt: standard(ofOne('squareRoot')),
  Exp: standard(ofOne('exponential')),
  Log: standard(ofOne('logarithm')),
  Reciprocal: standard(ofOne('reciprocal')),
  IsNaN: standard(ofOne('isMissing', { of: ['float', 'double'], gives: 'boolean' })),
  Where: standard(planWhere),
  Clip: standard(planClip),
  // Over a row
  ReduceSum: standard(reduce('sum')),
  ReduceMean: standard(either(reduce('mean'), planMeanOfStack)),
  ReduceProd: standard(reduce('product')),
  ReduceMax: standard(reduce('greatest')),
  ReduceMin: standard(reduce('least')),
  ReduceSumSquare: standard(reduce('squares')),
  ReduceLogSumExp: standard(reduce('logSumExp')),
  LpNormalization: standard(planLpNormalization),
  ArgMax: standard(planArg('greatest')),
  ArgMin: standard(planArg('least')),
  MatMul: standard(planMatrix),
  Gemm: standard(planMatrix),
  Sigmoid: standard((node, planner) => planTransform(node, planner, 'SIGMOID')),
  Softmax: standard(
    (node, planner) => [1, -1].includes(int(node, 'axis', 1)) && planTransform(node, planner, 'SOFTMAX'),
  ),
};
