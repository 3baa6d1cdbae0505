"""What the config of a model file may name: classes and functions that only compute, of Keras 1 to 3.

Whatever is not here is refused. Left out on purpose: what runs Python or calls functions that a file names (Lambda,
`keras.ops.map`), what reads other files (TFSMLayer, StringLookup and its kin), and what no generator uses.
"""

from __future__ import annotations


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


MODELS = _names("Functional Model Sequential")
LAYERS = _names(
    """
    Activation ActivityRegularization AdaptiveAveragePooling1D AdaptiveAveragePooling2D AdaptiveAveragePooling3D
    AdaptiveMaxPooling1D AdaptiveMaxPooling2D AdaptiveMaxPooling3D Add AdditiveAttention AlphaDropout
    AtrousConvolution1D AtrousConvolution2D Attention Average AveragePooling1D AveragePooling2D AveragePooling3D
    AvgPool1D AvgPool2D AvgPool3D BatchNormalization BatchNormalizationV1 BatchNormalizationV2 Bidirectional
    CategoryEncoding CenterCrop Concatenate Conv1D Conv1DTranspose Conv2D Conv2DTranspose Conv3D Conv3DTranspose
    ConvLSTM1D ConvLSTM2D ConvLSTM3D Convolution1D Convolution1DTranspose Convolution2D Convolution2DTranspose
    Convolution3D Convolution3DTranspose Cropping1D Cropping2D Cropping3D CuDNNGRU CuDNNLSTM Deconvolution2D
    Deconvolution3D Dense DepthwiseConv1D DepthwiseConv2D Dot Dropout ELU EinsumDense Embedding Flatten GRU GRUCell
    GaussianDropout GaussianNoise GlobalAveragePooling1D GlobalAveragePooling2D GlobalAveragePooling3D GlobalAvgPool1D
    GlobalAvgPool2D GlobalAvgPool3D GlobalMaxPool1D GlobalMaxPool2D GlobalMaxPool3D GlobalMaxPooling1D
    GlobalMaxPooling2D GlobalMaxPooling3D GroupNormalization GroupQueryAttention Identity InputLayer LSTM LSTMCell
    LayerNormalization LeakyReLU LocallyConnected1D LocallyConnected2D Masking MaxPool1D MaxPool2D MaxPool3D
    MaxPooling1D MaxPooling2D MaxPooling3D Maximum Merge Minimum MultiHeadAttention Multiply Normalization PReLU Permute
    RMSNormalization RNN ReLU RepeatVector Rescaling Reshape Resizing ReversibleEmbedding SeparableConv1D
    SeparableConv2D SeparableConvolution1D SeparableConvolution2D SimpleRNN SimpleRNNCell SlicingOpLambda Softmax
    SpatialDropout1D SpatialDropout2D SpatialDropout3D SpectralNormalization StackedRNNCells Subtract TFOpLambda
    TensorFlowOpLayer ThresholdedReLU TimeDistributed UnitNormalization UpSampling1D UpSampling2D UpSampling3D
    ZeroPadding1D ZeroPadding2D ZeroPadding3D
    """
)
INITIALIZERS = _names(
    """
    Constant GlorotNormal GlorotUniform HeNormal HeUniform Identity IdentityInitializer LecunNormal LecunUniform Ones
    Orthogonal OrthogonalInitializer RandomNormal RandomUniform TruncatedNormal VarianceScaling Zeros
    """
)
INITIALIZERS |= {f"{name}V{version}" for name in INITIALIZERS for version in (1, 2)}  # TensorFlow 1.13 to 2.0
REGULARIZERS = _names("L1 L1L2 L2 OrthogonalRegularizer")
CONSTRAINTS = _names("MaxNorm MinMaxNorm NonNeg RadialConstraint UnitNorm")
POLICIES = _names("DTypePolicy FloatDTypePolicy Policy PolicyV1")
ACTIVATIONS = _names(
    """
    celu elu exponential gelu glu hard_shrink hard_sigmoid hard_silu hard_swish hard_tanh leaky_relu linear log_sigmoid
    log_softmax mish relu relu6 selu sigmoid silu soft_shrink softmax softplus softsign sparse_plus sparse_sigmoid
    sparsemax squareplus swish tanh tanh_shrink threshold
    """
)
_OTHERS = _names(
    """
    constant glorot_normal glorot_uniform he_normal he_uniform identity l1 l1_l2 l1l2 l2 lecun_normal lecun_uniform
    max_norm maxnorm min_max_norm non_neg nonneg normal one ones orthogonal orthogonal_regularizer radial_constraint
    random_normal random_uniform truncated_normal uniform unit_norm unitnorm variance_scaling zero zeros
    """
)
# By name, as a string or as a function.
FUNCTIONS = ACTIVATIONS | INITIALIZERS | REGULARIZERS | CONSTRAINTS | _OTHERS

# Operations of Keras 3 in functional models, by their module. None of them takes a function.
OPERATIONS = {
    "keras.src.ops.numpy": _names(
        """
        Abs Absolute Add Amax Amin Append Arctan Arctan2 Average BroadcastTo Cbrt Ceil Clip Concatenate Copy Cos Cosh
        Cumprod Cumsum Divide DivideNoNan Dot Einsum Equal Exp Exp2 ExpandDims Expm1 Flip Floor FloorDivide Full
        FullLike GetItem Greater GreaterEqual Hstack Hypot Inner Less LessEqual Log Log10 Log1p Log2 Logaddexp
        LogicalAnd LogicalNot LogicalOr Matmul Max Maximum Mean Meshgrid Min Minimum Mod Moveaxis Multiply NanToNum
        Negative NotEqual OnesLike Outer Pad Power Prod Ravel Reciprocal Repeat Reshape Roll Rot90 Round Sign Sin Sinh
        Split Sqrt Square Squeeze Stack Std Subtract Sum Swapaxes Take TakeAlongAxis Tan Tanh Tensordot Tile Transpose
        Tril Triu TrueDivide Var Vdot Vstack Where ZerosLike
        """
    ),
    "keras.src.ops.nn": _names(
        """
        AdaptiveAveragePool AdaptiveMaxPool AveragePool BatchNorm Celu Conv ConvTranspose DepthToSpace DepthwiseConv
        DotProductAttention Elu Gelu Glu HardShrink HardSigmoid HardSilu HardTanh LayerNorm LeakyRelu LogSigmoid
        LogSoftmax MaxPool Moments Normalize OneHot RMSNorm Relu Relu6 Selu SeparableConv Sigmoid Silu SoftShrink
        Softmax Softplus Softsign SpaceToDepth SparsePlus SparseSigmoid Sparsemax Squareplus TanhShrink Threshold
        """
    ),
    "keras.src.ops.math": _names("Erf Erfinv Logsumexp Rsqrt TopK"),
    "keras.src.ops.core": _names("Cast SaturateCast Slice StopGradient Unstack"),
    "keras.src.ops.image": _names("CropImages PadImages RGBToGrayscale Resize"),
    "keras.src.ops.linalg": _names("Norm"),
}
# Keras 2 alone has these, in no public module; what they call is looked at, too.
CALLS = {"TFOpLambda", "SlicingOpLambda", "TensorFlowOpLayer"}
CALLS_HOME = "keras.src.layers.core.tf_op_layer"

# What stands for a value, and the keys that hold it. Nothing is looked up by a name in there.
DATA = {
    "__bytes__": ("config", "value"),
    "__ellipsis__": ("config",),
    "__keras_tensor__": ("config",),
    "__numpy__": ("config",),
    "__slice__": ("config",),
    "__tensor__": ("config",),
    "__tuple__": ("items",),
    "TensorShape": ("items",),
}

# Where each reader has the classes of a kind. What a file says of that is not looked at again.
HOMES = {
    "Keras 3": {
        "Sequential": "keras",
        "Functional": "keras.src.models.functional",
        "Model": "keras",
        "layers": "keras.layers",
        "initializers": "keras.initializers",
        "regularizers": "keras.regularizers",
        "constraints": "keras.constraints",
        "policies": "keras",
    },
    "tf_keras": {
        "Sequential": "keras",
        "Functional": "keras.src.engine.functional",
        "Model": "keras",
        "layers": "keras.layers",
        "initializers": "keras.initializers",
        "regularizers": "keras.regularizers",
        "constraints": "keras.constraints",
        "policies": "keras.mixed_precision",
    },
}
KINDS = {
    "initializers": INITIALIZERS,
    "regularizers": REGULARIZERS,
    "constraints": CONSTRAINTS,
    "policies": POLICIES,
    "layers": LAYERS,
}
