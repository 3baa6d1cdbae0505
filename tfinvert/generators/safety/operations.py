"""TensorFlow functions and graph operations that only compute: a model file may name them.

Keras 2 stores a call of a TensorFlow function by its name (`TFOpLambda`), TensorFlow 2.0 to 2.3 a graph operation
(`TensorFlowOpLayer`). Others than these read and write files or call Python.
"""

from __future__ import annotations

from tfinvert.generators.safety.allowed import ACTIVATIONS

# By the module that they are in. Not a whole module: tf.nn.fixed_unigram_candidate_sampler reads a file.
_MODULES = {
    "math": """
        abs accumulate_n acos acosh add add_n angle argmax argmin asin asinh atan atan2 atanh ceil conj cos cosh
        count_nonzero cumprod cumsum divide divide_no_nan equal erf erfc erfcinv erfinv exp expm1 floor floordiv
        floormod greater greater_equal imag is_finite is_inf is_nan l2_normalize less less_equal lgamma log log1p
        log_sigmoid log_softmax logical_and logical_not logical_or logical_xor maximum minimum mod multiply
        multiply_no_nan negative not_equal polyval pow real reciprocal reciprocal_no_nan reduce_all reduce_any
        reduce_euclidean_norm reduce_logsumexp reduce_max reduce_mean reduce_min reduce_prod reduce_std reduce_sum
        reduce_variance rint round rsqrt scalar_mul sigmoid sign sin sinh softmax softplus softsign sqrt square
        squared_difference subtract tan tanh top_k truediv xdivy xlog1py xlogy zero_fraction
    """,
    "nn": """
        atrous_conv2d atrous_conv2d_transpose avg_pool avg_pool1d avg_pool2d avg_pool3d
        batch_norm_with_global_normalization batch_normalization bias_add conv1d conv1d_transpose conv2d
        conv2d_transpose conv3d conv3d_transpose conv_transpose convolution crelu depth_to_space depthwise_conv2d
        dropout elu embedding_lookup gelu l2_loss l2_normalize leaky_relu local_response_normalization log_softmax lrn
        max_pool max_pool1d max_pool2d max_pool3d moments pool relu relu6 selu separable_conv2d sigmoid silu softmax
        softplus softsign space_to_batch space_to_depth swish tanh top_k zero_fraction
    """,
    "linalg": """
        adjoint band_part cross det diag diag_part einsum eye global_norm inv l2_normalize matmul matrix_transpose
        matvec norm normalize set_diag solve tensor_diag tensor_diag_part tensordot trace
    """,
    "image": """
        adjust_brightness adjust_contrast adjust_gamma adjust_hue adjust_saturation central_crop convert_image_dtype
        crop_and_resize crop_to_bounding_box flip_left_right flip_up_down grayscale_to_rgb hsv_to_rgb image_gradients
        pad_to_bounding_box per_image_standardization resize resize_bicubic resize_bilinear resize_images
        resize_nearest_neighbor resize_with_crop_or_pad resize_with_pad rgb_to_grayscale rgb_to_hsv rgb_to_yiq
        rgb_to_yuv rot90 sobel_edges total_variation transpose yiq_to_rgb yuv_to_rgb
    """,
    "random": """
        normal shuffle stateless_normal stateless_truncated_normal stateless_uniform truncated_normal uniform
    """,
    "__operators__": "add eq getitem ne",
}
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
    Equal Erf Erfc Exp ExpandDims Expm1 Fill Floor FloorDiv FloorMod FusedBatchNorm FusedBatchNormV2 FusedBatchNormV3
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
    module, _, name = function.removeprefix("compat.v1.").rpartition(".")
    known = ACTIVATIONS if module == "keras.activations" else _MODULES.get(module, "" if module else _FUNCTIONS)
    return name in (known.split() if isinstance(known, str) else known)


def graph_operation_computes(kind: str) -> bool:
    """Whether a graph operation of this type does nothing but compute."""
    return kind in _GRAPH_OPERATIONS.split()
