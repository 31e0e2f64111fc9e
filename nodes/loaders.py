"""Weight files -> networks, in ComfyUI's memory."""

from comfy_api.latest import io

from . import base, bridge, types


class AnimeInterpLoadModel(base.Node):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return base.schema(
            node_id="AnimeInterpLoadModel",
            display_name="Load AnimeInterp Model",
            search_aliases=["interpolation model", "checkpoint", "weights", "frame interpolation model"],
            description="Loads the networks that find or refine the motion and paint the in-between frames.",
            inputs=[
                io.Combo.Input(
                    "model_name",
                    options=bridge.model_names(),
                    default=bridge.BUNDLED,
                    tooltip="'bundled' is what ships with AnimeInterp; 'bundled: animeinterp_light' ships too, for cut-out "
                    "puppets that move as pieces. Other weights, such as the published "
                    "anime_interp_full.ckpt, go into ComfyUI's models/animeinterp folder.",
                ),
            ],
            outputs=[
                types.Model.Output(
                    "model",
                    display_name="model",
                    tooltip="For AnimeInterp, RFR Refine Flow, Splat and Synthesize; SGM Coarse Flow can match by it.",
                ),
            ],
        )

    @classmethod
    def execute(cls, model_name: str) -> io.NodeOutput:
        return io.NodeOutput(bridge.load_model(model_name))


class AnimeInterpLoadFeatures(base.Node):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return base.schema(
            node_id="AnimeInterpLoadFeatures",
            display_name="Load VGG-19 Features",
            search_aliases=["vgg", "vgg19", "features"],
            description="Loads VGG-19, whose features the paper matches colour pieces by. Without it, pieces are "
            "matched by the AnimeInterp model's features or by their colours and shapes.",
            inputs=[
                io.Combo.Input(
                    "features_name",
                    options=bridge.feature_names(),
                    tooltip="torchvision's vgg19-dcbb9e9d.pth, put into ComfyUI's models/animeinterp folder.",
                ),
            ],
            outputs=[
                types.Features.Output("features", display_name="features", tooltip="For SGM Coarse Flow."),
            ],
        )

    @classmethod
    def execute(cls, features_name: str) -> io.NodeOutput:
        return io.NodeOutput(bridge.load_features(features_name))
