"""AnimeInterp for ComfyUI: the pack's entry. The nodes are in ``nodes/``, the method in ``animeinterp/``."""

WEB_DIRECTORY = "./web"


async def comfy_entrypoint():
    """Called by ComfyUI once it has imported this file; gives it the pack's nodes."""
    # Imported here, not above: test runners import this file too, as no package and without ComfyUI.
    import logging

    try:
        from .nodes import AnimeInterpExtension

        extension = AnimeInterpExtension()
        for node in await extension.get_node_list():
            node.GET_SCHEMA()  # what ComfyUI does next; a fault in a schema shows here, with its traceback
        return extension
    except Exception:
        # ComfyUI logs one line and drops the whole pack: say where it broke.
        logging.getLogger(__name__).exception("AnimeInterp could not be loaded")
        raise
