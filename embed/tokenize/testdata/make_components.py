#!/usr/bin/env python3
"""Writes components.json: small tokenizers, each for some components, and the ids that Hugging Face's library gives.

Needs: pip install tokenizers==0.23.3
"""
import json
from tokenizers import Tokenizer

LETTERS = "abcdefghijklmnopqrstuvwxyzABCéñ▁ !',.-0123456789日本"
BPE = dict(type="BPE", unk_token="<unk>", fuse_unk=False, byte_fallback=False, dropout=None, continuing_subword_prefix=None,
           end_of_word_suffix=None, ignore_merges=False)


def vocab(*tokens):
    names = ["<unk>", "<s>", "</s>", "<pad>"] + list(dict.fromkeys(list(LETTERS) + list(tokens)))
    return {t: i for i, t in enumerate(names)}


def bpe(merges, extra=(), **options):
    words = vocab(*extra, *["".join(m) for m in merges])
    return BPE | dict(vocab=words, merges=[list(m) for m in merges]) | options


def unigram(**options):
    pieces = [["<unk>", 0.0], ["<s>", 0.0], ["</s>", 0.0], ["<pad>", 0.0], ["▁", -3.0], ["▁dog", -4.0], ["▁do", -4.5], ["g", -5.0],
              ["s", -5.5], ["▁dogs", -8.0], ["on", -6.0], ["o", -7.0], ["n", -7.0]]
    return dict(type="Unigram", unk_id=0, byte_fallback=False, vocab=pieces) | options


PLAIN = bpe([("d", "o"), ("do", "g"), ("o", "n")])
METASPACE = dict(type="Metaspace", replacement="▁", prepend_scheme="always", split=True)
BYTES = [f"<0x{i:02X}>" for i in range(256)]


def added(content, i, **flags):
    return dict(id=i, content=content, single_word=False, lstrip=False, rstrip=False, normalized=False, special=True) | flags


def split(behavior, invert=False, **pattern):
    return dict(type="Split", pattern=pattern or dict(Regex=r"\s+|\d"), behavior=behavior, invert=invert)


def tokenizer(model, normalizer=None, pre=None, post=None, tokens=()):
    return dict(version="1.0", truncation=None, padding=None, added_tokens=list(tokens), normalizer=normalizer, pre_tokenizer=pre,
                post_processor=post, decoder=None, model=model)


TEXTS = ["dog on", "Dogs  on\tdon't 12 dog3", "ñandú é é", "日本 dog", "don<s>dog <s> on", "a☃b☃☃c", " dog ", "", "'re'll we'd", "x<mask>y", "dog <mask> on"]
CASES = {
    "bpe": tokenizer(PLAIN),
    "bpe that fuses unknowns": tokenizer(PLAIN | dict(fuse_unk=True)),
    "bpe without an unknown token": tokenizer(PLAIN | dict(unk_token=None)),
    "bpe with byte fallback": tokenizer(bpe([("d", "o")], BYTES, byte_fallback=True, fuse_unk=True)),
    "bpe with a suffix": tokenizer(bpe([("d", "o"), ("do", "g</w>")], ["g</w>", "n</w>", "s</w>"], end_of_word_suffix="</w>"), pre=dict(type="WhitespaceSplit")),
    "bpe with a prefix": tokenizer(bpe([], ["##o", "##g", "do", "dog", "##on", "##n"], continuing_subword_prefix="##") | dict(merges=[["d", "##o"], ["do", "##g"]]), pre=dict(type="WhitespaceSplit")),
    "bpe that keeps whole words": tokenizer(bpe([("o", "n")], ["dog"], ignore_merges=True), pre=dict(type="WhitespaceSplit")),
    "unigram": tokenizer(unigram(), pre=METASPACE),
    "unigram with byte fallback": tokenizer(unigram(byte_fallback=True, vocab=unigram()["vocab"] + [[b, -12.0] for b in BYTES]), pre=METASPACE),
    "metaspace first": tokenizer(PLAIN, pre=METASPACE | dict(prepend_scheme="first"), tokens=[added("<s>", 1)]),
    "metaspace never": tokenizer(PLAIN, pre=METASPACE | dict(prepend_scheme="never")),
    "metaspace unsplit": tokenizer(PLAIN, pre=METASPACE | dict(split=False)),
    "byte level": tokenizer(bpe([("d", "o"), ("Ġ", "do")], ["Ġ", "Ã", "±", "©", "ĉ", "Ċ"]), pre=dict(type="ByteLevel", add_prefix_space=True, trim_offsets=True, use_regex=True)),
    "byte level unsplit": tokenizer(bpe([("d", "o"), ("Ġ", "do")], ["Ġ", "Ã", "±", "©"]), pre=dict(type="ByteLevel", add_prefix_space=False, trim_offsets=True, use_regex=False)),
    **{f"split {b}{' inverted' if i else ''}": tokenizer(PLAIN, pre=split(b, i)) for b in ("Removed", "Isolated", "MergedWithPrevious", "MergedWithNext", "Contiguous") for i in (False, True)},
    "split at a string": tokenizer(PLAIN, pre=split("MergedWithPrevious", String=" ")),
    "normalizers": tokenizer(PLAIN, dict(type="Sequence", normalizers=[
        dict(type="NFD"), dict(type="NFC"), dict(type="NFKD"), dict(type="NFKC"), dict(type="Lowercase"), dict(type="Prepend", prepend="a"),
        dict(type="Strip", strip_left=True, strip_right=True), dict(type="Replace", pattern=dict(Regex=" {2,}"), content="▁"),
        dict(type="Replace", pattern=dict(String="'"), content="!")])),
    "added tokens": tokenizer(PLAIN, dict(type="Lowercase"), tokens=[added("<s>", 1, lstrip=True, rstrip=True), added("<mask>", 57, single_word=True), added("Dogs", 58, normalized=True)]),
    "roberta": tokenizer(PLAIN, post=dict(type="RobertaProcessing", sep=["</s>", 2], cls=["<s>", 1], trim_offsets=False, add_prefix_space=False)),
    "bert": tokenizer(PLAIN, post=dict(type="BertProcessing", sep=["</s>", 2], cls=["<s>", 1])),
    "several processors": tokenizer(PLAIN, post=dict(type="Sequence", processors=[dict(type="ByteLevel", add_prefix_space=True, trim_offsets=False, use_regex=True),
        dict(type="TemplateProcessing", single=[dict(SpecialToken=dict(id="<s>", type_id=0)), dict(Sequence=dict(id="A", type_id=0))], pair=[dict(Sequence=dict(id="A", type_id=0)), dict(Sequence=dict(id="B", type_id=1))],
             special_tokens={"<s>": dict(id="<s>", ids=[1], tokens=["<s>"])})])),
}

out = []
for name, t in CASES.items():
    library = Tokenizer.from_str(json.dumps(t))
    out.append(dict(name=name, tokenizer=t, texts=[dict(text=x, ids=library.encode(" ".join(x.split())).ids) for x in TEXTS]))
with open("components.json", "w") as f:
    json.dump(out, f, ensure_ascii=False, separators=(",", ":"))
