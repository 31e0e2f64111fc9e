"""Packs drawings under free licences into one archive that a trainer reads.

    python tools/pack_art.py --data DATA --noto noto-anim-lottie.tar.xz     writes .art/art.zip and .art/CREDITS.txt
    python tools/pack_art.py --data DATA --kinds turning --turning 200      200 figures of our own generator alone
    python tools/pack_art.py ... --fresh noto                               draws the strips of that kind anew

The archive is a plain zip (stored) of `KIND/NAME.webp`: the K frames of one clip side by side, each S x S, straight alpha,
equally spaced in time; beside them `index.json` ({kind: {frames, size, count, licence, credit}}) and `CREDITS.txt`.

Kinds: turning (our own generator's figures), noto (Lottie files, every tenth held out), clipart and scene (single drawings, of
Debian's package openclipart-png, whose .deb DATA holds: apt-get download openclipart-png). Their strips are kept under
DATA/packed, so that a second run only zips. Needs rlottie-python besides the library's own.
"""
import argparse
import functools
import json
import shutil
import subprocess
import sys
import zipfile
import zlib
from pathlib import Path

import cv2
import numpy as np

HOME = Path(__file__).resolve().parent.parent
OPEN_CLIP_ART = ("public domain (Creative Commons public domain dedication)", "Open Clip Art Library 0.18, its artists")
KINDS = {  # frames, size, WebP quality, licence, credit
    "noto": (10, 224, 70, "CC BY 4.0", "Animated Noto Emoji, Google, CC BY 4.0"),
    "clipart": (1, 288, 75, *OPEN_CLIP_ART),
    "scene": (1, 288, 80, *OPEN_CLIP_ART),
    "turning": (9, 256, 68, "MIT", "animeinterp's own generator"),
}
NOTO_STEP = 3 / 60  # seconds
CLIPART_COUNT = 850
TONES = ("1f3fb", "1f3fc", "1f3fd", "1f3fe", "1f3ff")
NOTO_SIGNS = "1f192 1f193 1f195 1f198 1f199 1f4f4".split()
ALPHA_LEVELS = 32  # alpha is coded without loss; the fewer levels, the smaller

# Open Clip Art: folders without drawings, folders that go first, what was weeded out by eye, and the opaque pictures taken.
NO_DRAWINGS = tuple("""buttons/ computer/buttons computer/diagrams computer/folders computer/icons electronics/battery geography/
    logos/ people/stickmen recreation/games shapes/ signs_and_symbols/ special/ tools/weapons transportation/aiga-symbols
    transportation/roadsigns unsorted/duplicates""".split())
FIRST = tuple("animals people plants recreation/toys recreation/holiday recreation/party transportation buildings".split())
WEEDS = """tux_rory mirjam_meijer cymru_flag sleeping_bear mhooo shaezy skoynk squeek mosquito_peterm three_eyes brick_frouke
    guillaume_boitel piche_loic dimm_memory ddr_memory firewall jabbear jabber otto_ various_servers controler boy_plays_soccer
    happy_boy man_singing youngster king_jr breakdance curved_as_a earring_frouke man_head_mikhail enthusiast grampa grandpa
    silhouette_ handstand roberto_u._ piano_theory number_ge green_burner boating_rules knot_ sailing_close sailing_reaching
    sailing_running sailing_tacks sailing_heel two_half clove_hitch sailboat_labels transportation/bus_01 vehicles/bus_01
    autos_01 buses_and_bikes drawbridge kaboom plane_in_the_sky street_sign trams_only tunnel mr_lakshman mygraph green_fedora
    yoga_architetto people/buddy tess_brady a_circle war_drum susan_park emule vgcats mascot_enrique pacman gnu_linux saku_robot
    gateway_andy memory_ddr model-view internet_zazou munch_ coat_of_arms ms_01 wet_paint my_lovely_baby self_portrait einstein
    porcinet bmw_ xbill smilies/chav brozo blacksmiti iris_and_pupil illustration_labels old_truck bibliografia airbrush
    """.split()
SCENES = """alex_kuehne blue_dragonfly bulldog_puppy stambecco water_tower bison tile_orange menu_example sun_flower fireworks
    footprints_in_sand park_nicu landscape_near anelli""".split()


def ready(image):
    """`image` (BGRA) with fewer levels of alpha, the colour of each transparent pixel taken from the nearest opaque one."""
    image = image.copy()
    image[..., 3] = np.rint(np.rint(image[..., 3] * ((ALPHA_LEVELS - 1) / 255)) * (255 / (ALPHA_LEVELS - 1)))
    solid = image[..., 3] >= 96
    if not solid.any() or solid.all():
        return image
    labels = cv2.distanceTransformWithLabels((~solid).astype(np.uint8), cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL)[1]
    colours = np.zeros((labels.max() + 1, 3), np.uint8)
    colours[labels[solid]] = image[solid][:, :3]
    clear = image[..., 3] < 8
    image[clear, :3] = colours[labels[clear]]
    return image


def straight(image):
    """Straight alpha, 8 bits, out of premultiplied floats."""
    colour = image[..., :3] * (255 / np.maximum(image[..., 3:], 0.5))
    return np.clip(np.concatenate([colour, image[..., 3:]], 2) + 0.5, 0, 255).astype(np.uint8)


def premultiplied(image):
    image = image.astype(np.float32)
    image[..., :3] *= image[..., 3:] / 255
    return image


def resized(image, width, height):
    """A straight BGRA picture at another size, straight again."""
    way = cv2.INTER_AREA if width < image.shape[1] else cv2.INTER_CUBIC
    return straight(cv2.resize(premultiplied(image), (width, height), interpolation=way))


def liveliest(small, frames, step):
    """First frame and usual change (levels of 255) of the run of `frames`, `step` apart, that moves most and most evenly."""
    starts = len(small) - (frames - 1) * step
    if starts < 1:
        return 0, 0.0
    change = np.abs(small[step:] - small[:-step]).mean((1, 2, 3))
    runs = np.stack([change[i * step:i * step + starts] for i in range(frames - 1)])
    drawn = np.stack([small[i * step:i * step + starts, ..., 3].mean((1, 2)) for i in range(frames)])
    runs = runs * (drawn.min(0) > 0.4 * drawn.max(0))  # none that comes out of nothing or ends there
    start = int(np.sqrt(runs).sum(0).argmax())  # the root: one jump counts less than motion throughout
    return start, float(np.median(runs[:, start]))


def one_tone(names, separator):
    """One name of each figure out of `names`: the skin tone differs from figure to figure."""
    figures = {}
    for name in sorted(names):
        figures.setdefault(tuple(part for part in name.split(separator) if part not in TONES), []).append(name)
    return {same[zlib.crc32(repr(figure).encode()) % len(same)] for figure, same in figures.items()}


def noto(data, archive):
    from rlottie_python import LottieAnimation

    frames, size = KINDS["noto"][:2]
    folder = data / "noto"
    if not folder.exists():
        shutil.unpack_archive(archive, folder, filter="data")
    paths = sorted((path for path in folder.rglob("*.json") if path.is_file()), key=lambda path: path.name)
    paths = {path.stem: path for index, path in enumerate(paths) if index % 10 != 9}  # every tenth is held out
    for name in sorted(one_tone(paths, "_")):
        clip = LottieAnimation.from_file(str(paths[name]))

        def draw(frame, size, clip=clip):
            raw = clip.lottie_animation_render(frame, width=size, height=size)
            return np.frombuffer(raw, np.uint8).reshape(size, size, 4).astype(np.float32)

        step = max(1, round(NOTO_STEP * clip.lottie_animation_get_framerate()))
        small = np.stack([draw(frame, 56) for frame in range(clip.lottie_animation_get_totalframe())])
        start, motion = liveliest(small, frames, step)
        if motion > 0.5 and name not in NOTO_SIGNS:
            large = [draw(start + i * step, 2 * size) for i in range(frames)]
            yield name, [straight(cv2.resize(image, (size, size), interpolation=cv2.INTER_AREA)) for image in large]


def turning(count):
    """Figures of our own generator (``animeinterp/datasets/turning``), about a second each: seeds from 0 on."""
    sys.path.insert(0, str(HOME))
    from animeinterp.datasets.turning import draw_figure

    frames, size = KINDS["turning"][:2]
    for seed in range(count):
        figure = draw_figure(seed, frames=frames)[..., [2, 1, 0, 3]]
        yield f"{seed:05d}", [resized(frame, size, size) for frame in figure]


@functools.cache
def clip_art(data):
    """Name, picture (BGRA) and score of each drawing, none of them twice; of opaque ones the score is None."""
    root, size = data / "openclipart/usr/share/openclipart/png", KINDS["clipart"][1]
    if not root.exists():
        subprocess.run(["dpkg", "-x", str(next(data.glob("openclipart-png_*.deb"))), str(data / "openclipart")], check=True)
    found, thumbs = {}, np.zeros((0, 16 * 16 * 4), np.float32)
    for path in sorted(root.rglob("*.png")):
        place = path.relative_to(root).as_posix()
        if path.stem in found or place.startswith(NO_DRAWINGS) or any(weed in place for weed in WEEDS):
            continue
        image = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
        if image is None or image.ndim != 3 or image.dtype != np.uint8:
            continue
        image = image if image.shape[2] == 4 else cv2.cvtColor(image, cv2.COLOR_BGR2BGRA)
        x, y, width, height = cv2.boundingRect((image[..., 3] > 16).astype(np.uint8))
        if min(width, height) < 90 or max(width, height) < 170:
            continue
        image, scale = image[y:y + height, x:x + width], (size - 8) / max(width, height)
        small = resized(image, max(1, round(width * scale)), max(1, round(height * scale)))
        thumb = cv2.resize(premultiplied(small), (16, 16), interpolation=cv2.INTER_AREA).reshape(1, -1)
        solid, covered = small[..., 3] > 200, (small[..., 3] > 127).mean()
        inside = cv2.erode(solid.astype(np.uint8), np.ones((5, 5))) > 0
        busy = (cv2.Canny(cv2.cvtColor(small[..., :3], cv2.COLOR_BGR2GRAY), 60, 140) > 0)[inside].sum() / max(1, inside.sum())
        colours = np.bincount((small[solid][:, :3] >> 5).astype(int) @ [64, 8, 1], minlength=512)
        colours = (colours > 0.01 * solid.sum()).sum()
        if colours < 4 or not 0.02 < busy < 0.3 or (abs(thumbs - thumb).mean(1) < 4).any():
            continue
        if covered > 0.985 and any(wanted in place for wanted in SCENES):
            side = min(width, height)
            top, left = (height - side) // 2, (width - side) // 2
            frame, score = resized(image[top:top + side, left:left + side], size, size), None
            frame[..., 3] = 255
        elif 0.15 <= covered <= 0.85:
            frame, (high, wide) = np.zeros((size, size, 4), np.uint8), small.shape[:2]
            frame[(size - high) // 2:, (size - wide) // 2:][:high, :wide] = small
            score = (place.startswith(FIRST), min(busy, 0.15) / 0.15 + min(colours, 16) / 16)
        else:
            continue
        found[path.stem] = (place[:-4].replace("/", "-"), frame, score)
        thumbs = np.concatenate([thumbs, thumb])
    return list(found.values())


def clipart(data, _):
    drawings = [drawing for drawing in clip_art(data) if drawing[2] is not None]
    return [(name, [frame]) for name, frame, _ in sorted(drawings, key=lambda it: it[2], reverse=True)[:CLIPART_COUNT]]


def scene(data, _):
    return [(name, [frame]) for name, frame, score in clip_art(data) if score is None]


def credits(index):
    """What CREDITS.txt says: each kind's licence and credit."""
    lines = [f"{kind}: {entry['count']} clips. {entry['credit']}. Licence: {entry['licence']}." for kind, entry in index.items()]
    lines += ["", "noto: frames rendered from the Lottie files (changed). https://creativecommons.org/licenses/by/4.0/",
              "clipart, scene: from Debian's openclipart-png 1:0.18+dfsg-19; the author of each file is not recorded, all are in",
              "the public domain by the collection's terms."]
    return "\n".join(lines) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", type=Path, required=True, help="folder of the sources, and of the kept strips")
    parser.add_argument("--noto", type=Path, help="archive of the animated Noto emoji's Lottie files")
    parser.add_argument("--out", type=Path, default=HOME / ".art" / "art.zip")
    parser.add_argument("--turning", type=int, default=600, metavar="N", help="figures (default: 600)")
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=list(KINDS))
    parser.add_argument("--fresh", nargs="*", choices=KINDS, default=[], help="kinds to draw anew")
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    index, strips = {}, []
    for kind in arguments.kinds:
        frames, size, quality, licence, credit = KINDS[kind]
        folder = arguments.data / "packed" / kind
        done = folder / "done"  # written last: a run cut short is drawn anew
        if kind in arguments.fresh or not done.exists():
            folder.mkdir(parents=True, exist_ok=True)
            for old in folder.iterdir():
                old.unlink()
            made = turning(arguments.turning) if kind == "turning" else globals()[kind](arguments.data, arguments.noto)
            for name, pictures in made:
                strip = np.concatenate([ready(picture) for picture in pictures], 1)
                cv2.imencode(".webp", strip, [cv2.IMWRITE_WEBP_QUALITY, quality])[1].tofile(folder / f"{name}.webp")
            done.touch()
        paths = sorted(folder.glob("*.webp"))
        if paths:
            index[kind] = {"frames": frames, "size": size, "count": len(paths), "licence": licence, "credit": credit}
            strips += [(f"{kind}/{path.name}", path) for path in paths]
            sys.stderr.write(f"{kind}: {len(paths)} clips, {sum(path.stat().st_size for path in paths) / 2**20:.2f} MiB\n")
    text = credits(index)
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    part = arguments.out.with_suffix(".part")
    with zipfile.ZipFile(part, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr("index.json", json.dumps(index, indent=1))
        archive.writestr("CREDITS.txt", text)
        for name, path in strips:
            archive.write(path, name)
    part.replace(arguments.out)
    arguments.out.with_name("CREDITS.txt").write_text(text)


if __name__ == "__main__":
    main()
