"""Frames from and to files: films, animations and pictures, a frame at a time, each with its own time.

``open_film`` and ``PictureReader`` read, ``VideoWriter`` and ``FolderWriter`` write; ``MediaInfo`` is what goes from one to the
other beside the frames, so that a file comes out as it went in: times, pixel shape, colours, depth, transparency.
Whatever their length, a few frames are in memory; but an animated WebP is read and made as a whole.
"""

from .codecs import ANIMATION_SUFFIXES, FILM_SUFFIXES, holds_alpha
from .files import check_free
from .folder_writer import FolderWriter
from .frame_reader import FrameReader
from .info import Colour, MediaInfo, TimedFrame, Timeline
from .interlacing import MODES
from .joining import join_films
from .pictures import IMAGE_SUFFIXES, images_in, read_image, to_bytes, write_image
from .readers import IMAGE_RATE, PictureReader, WebPReader, open_film
from .sniffing import ANIMATIONS, STILLS, kind_of
from .tracks import Tracks
from .video_reader import VideoReader
from .video_writer import VideoWriter

__all__ = [
    "ANIMATIONS",
    "ANIMATION_SUFFIXES",
    "FILM_SUFFIXES",
    "IMAGE_RATE",
    "IMAGE_SUFFIXES",
    "MODES",
    "STILLS",
    "Colour",
    "FolderWriter",
    "FrameReader",
    "MediaInfo",
    "PictureReader",
    "TimedFrame",
    "Timeline",
    "Tracks",
    "VideoReader",
    "VideoWriter",
    "WebPReader",
    "check_free",
    "holds_alpha",
    "images_in",
    "join_films",
    "kind_of",
    "open_film",
    "read_image",
    "to_bytes",
    "write_image",
]
