"""Every word of every node, in every language that the pack speaks."""

import json

import pytest

from tools.comfy_host import PACK

LOCALES = PACK / "locales"
LANGUAGES = ("de", "es", "fr", "ja", "ko", "pt", "ru", "zh", "zh-TW")
ALIKE = {"codec", "IE", "PSNR", "SSIM"}  # what is the same word everywhere


def words_of(language: str) -> dict:
    return json.loads((LOCALES / language / "nodeDefs.json").read_text("utf-8"))


def flat(words: dict, path: tuple = ()) -> dict:
    found = {}
    for key, value in words.items():
        found |= flat(value, (*path, key)) if isinstance(value, dict) else {(*path, key): value}
    return found


@pytest.fixture(scope="module")
def english(host):
    """The words as the nodes themselves have them."""
    found = {}
    for name, node in host.server.object_info().items():
        if not name.startswith("AnimeInterp"):
            continue
        found[name] = {"display_name": node["display_name"], "description": node["description"]}
        inputs = {**node["input"].get("required", {}), **node["input"].get("optional", {})}
        if inputs:
            found[name]["inputs"] = {key: {"name": key, "tooltip": said[1]["tooltip"]} for key, said in inputs.items()}
        outputs = zip(node["output_name"], node["output_tooltips"], strict=True)
        if node["output_name"]:
            found[name]["outputs"] = {str(i): {"name": word, "tooltip": tip} for i, (word, tip) in enumerate(outputs)}
    return found


def test_the_english_is_that_of_the_nodes(english):
    # A changed word: change it in locales/en too, and in the other languages.
    assert words_of("en") == english


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_word_is_there_and_none_is_left_in_english(language):
    theirs, ours = flat(words_of(language)), flat(words_of("en"))
    assert theirs.keys() == ours.keys()
    same = {path for path, word in theirs.items() if word == ours[path] and word not in ALIKE}
    assert not same
    assert all(word.strip() == word and word for word in theirs.values())


@pytest.mark.parametrize("language", LANGUAGES)
def test_choices_and_file_names_stay_as_they_are_written(language):
    """What is chosen or typed is not translated: a tooltip that explains it has to name it as it is."""
    theirs, ours = flat(words_of(language)), flat(words_of("en"))
    for path, english in ours.items():
        for literal in ("auto:", "weights-free:", "japanese:", "models/animeinterp", "anime_interp_full.ckpt", "walk_0001_10.flo",
                        "piece by piece:", "smooth:", "npz:", "h265:", "0.25, 0.5", "960x540"):  # fmt: skip
            if literal in english:
                assert literal.rstrip(":") in theirs[path], (path, literal)


def test_comfyui_serves_them(host):
    served = host.server.get("/i18n")
    assert {"en", *LANGUAGES} <= set(served)
    for language in LANGUAGES:
        assert served[language]["nodeDefs"]["AnimeInterp"] == words_of(language)["AnimeInterp"]
