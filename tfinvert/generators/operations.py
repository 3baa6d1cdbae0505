"""TensorFlow functions and graph operations that only compute: a model file may name them.

Keras 2 stores a call of a TensorFlow function by its name (`TFOpLambda`), TensorFlow 2.0 to 2.3 a graph operation
(`TensorFlowOpLayer`). Others than these read and write files or call Python.
"""

from __future__ import annotations

_FAMILIES = ("math.", "nn.", "linalg.", "image.", "random.", "__operators__.", "keras.activations.")
_FUNCTIONS = """
    abs add add_n argmax argmin broadcast_to cast clip_by_norm clip_by_value concat convert_to_tensor cos cumsum
    depth_to_space divide equal exp expand_dims eye fill floor gather gather_nd greater greater_equal identity less
    less_equal linspace logical_and logical_not logical_or matmul maximum meshgrid minimum multiply negative norm
    one_hot ones ones_like pad pow range rank realdiv reduce_max reduce_mean reduce_min reduce_prod reduce_sum repeat
    reshape reverse roll round rsqrt shape sigmoid sign sin size slice space_to_depth split sqrt square squeeze stack
    stop_gradient strided_slice subtract tan tanh tensordot tile transpose truediv unstack where zeros zeros_like
"""
_GRAPH_OPERATIONS = """
    Abs Add AddN AddV2 All Any ArgMax ArgMin AvgPool BatchMatMul BatchMatMulV2 BatchMatMulV3 BatchToSpaceND BiasAdd
    Bitcast BroadcastArgs BroadcastTo Cast Ceil ClipByValue Concat ConcatOffset ConcatV2 Const Conv2D
    Conv2DBackpropInput Cos Cumprod Cumsum DepthToSpace DepthwiseConv2dNative Div DivNoNan Einsum Elu EnsureShape
    Equal Erf Exp ExpandDims Expm1 Fill Floor FloorDiv FloorMod FusedBatchNorm FusedBatchNormV2 FusedBatchNormV3
    Gather GatherNd GatherV2 Greater GreaterEqual Identity IdentityN Inv InvertPermutation IsFinite IsNan L2Loss LRN
    LeakyRelu Less LessEqual LinSpace Log Log1p LogSoftmax LogicalAnd LogicalNot LogicalOr MatMul MatrixBandPart
    MatrixDiag Max MaxPool Maximum Mean Min Minimum MirrorPad Mod Mul Neg NotEqual OneHot OnesLike Pack Pad PadV2
    Pow Prod RandomStandardNormal RandomUniform RandomUniformInt Range Rank RealDiv Reciprocal Relu Relu6 Reshape
    ResizeBicubic ResizeBilinear ResizeNearestNeighbor ReverseV2 Round Rsqrt ScatterNd Select SelectV2 Selu Shape
    ShapeN Sigmoid Sign Sin Size Slice Snapshot Softmax Softplus Softsign SpaceToBatchND SpaceToDepth Split SplitV
    Sqrt Square SquaredDifference Squeeze StatelessRandomNormal StatelessRandomUniform StopGradient StridedSlice Sub
    Sum Tan Tanh Tile TopKV2 Transpose TruncatedNormal Unpack Where Xlogy ZerosLike
"""


def computes(function: str) -> bool:
    """Whether a TensorFlow function, named as in the `tf` module, does nothing but compute."""
    function = function.removeprefix("compat.v1.")
    return function.startswith(_FAMILIES) or function in _FUNCTIONS.split()


def graph_operation_computes(kind: str) -> bool:
    """Whether a graph operation of this type does nothing but compute."""
    return kind in _GRAPH_OPERATIONS.split()
