"""The pack's nodes, in the order of the method."""

from comfy_api.latest import ComfyExtension, io

from . import bridge
from .cel_layers import AnimeInterpCelLayers
from .coarse_flow import AnimeInterpCoarseFlow
from .example import AnimeInterpExample
from .flow_files import AnimeInterpLoadFlow, AnimeInterpSaveFlow
from .flow_preview import AnimeInterpFlowPreview
from .interp_model import AnimeInterpAsInterpModel, AnimeInterpFromInterpModel
from .interpolate import AnimeInterp
from .loaders import AnimeInterpLoadFeatures, AnimeInterpLoadModel
from .refine_flow import AnimeInterpRefineFlow
from .score import AnimeInterpScore
from .segment import AnimeInterpSegment
from .segments_from_masks import AnimeInterpSegmentsFromMasks
from .synthesize import AnimeInterpSynthesize
from .timing import AnimeInterpTiming
from .video import AnimeInterpVideo
from .warp_preview import AnimeInterpWarpPreview


class AnimeInterpExtension(ComfyExtension):
    """What ComfyUI asks for the pack's nodes."""

    async def get_node_list(self) -> list[type[io.ComfyNode]]:
        bridge.register_model_folder()
        return [
            AnimeInterp,
            AnimeInterpLoadModel,
            AnimeInterpLoadFeatures,
            AnimeInterpSegment,
            AnimeInterpCoarseFlow,
            AnimeInterpRefineFlow,
            AnimeInterpSynthesize,
            AnimeInterpFlowPreview,
            AnimeInterpScore,
            AnimeInterpExample,
            AnimeInterpSegmentsFromMasks,
            AnimeInterpLoadFlow,
            AnimeInterpSaveFlow,
            AnimeInterpAsInterpModel,
            AnimeInterpFromInterpModel,
            AnimeInterpCelLayers,
            AnimeInterpWarpPreview,
            AnimeInterpTiming,
            AnimeInterpVideo,
        ]
