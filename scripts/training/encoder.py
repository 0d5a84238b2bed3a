"""Fine-tunes the sentence encoder for intents and their parameters; runs in `.venv-model` (torch).

    .venv-model/bin/python -m scripts.training.encoder WEIGHTS TEXTS OUTPUT

WEIGHTS: a folder with the published MiniLM. TEXTS: a folder with `texts-0.jsonl`, `texts-1.jsonl`, ... (one file an
epoch: the same sentences with other values, see `scripts.training.texts`). OUTPUT gets the tuned weights in the same
form, and `tagger.npz`.

One pass serves three tasks. The sentence vector (mean of the tokens) is drawn to a direction for each class (softmax over
scaled cosines, "NormFace", Wang et al. 2017); a word's vector (mean of its tokens) goes through a linear layer to the
parameter that it is a value of; and through another one to whether it makes the order conditional. Of the last only
sentences are labelled, so a sentence counts as its words' smooth maximum (multiple-instance learning). The token table is left as published: rare words keep their neighbours. Fixed seeds,
two threads; the same texts give the same weights on the same machine.
"""

import json
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import torch
from torch import nn
from transformers import AutoModel, AutoTokenizer

SEED = 20261125
BATCH = 48
LONGEST_TOKENS = 64
SCALE = 20.0
"""Of the cosines before the softmax: with 400 classes the loss can't get small below some 15."""
SMOOTHING = 0.05
TAGGING_WEIGHT, CONDITION_WEIGHT = 0.5, 0.3
ENCODER_RATE, HEADS_RATE = 8e-5, 2e-3
WARM_UP = 0.06
OUTSIDE = "-"
_UNKNOWN = -100
"""The tag of words of which nobody said what they are; no loss counts them."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Token ids and mask (texts, tokens), each token's word (-1: none), classes, tags (texts, words), and whether conditional.

    _UNKNOWN stands where nobody said.
    """

    ids: torch.Tensor
    mask: torch.Tensor
    words: torch.Tensor
    classes: torch.Tensor
    tags: torch.Tensor
    conditional: torch.Tensor


class TunedEncoder(nn.Module):
    """The encoder with a direction for each class and the tagging layer."""

    def __init__(self, encoder: Any, class_count: int, tag_count: int) -> None:  # noqa: ANN401 - transformers has no types
        super().__init__()
        self.encoder = encoder
        width = encoder.config.hidden_size
        self.directions = nn.Parameter(torch.zeros(class_count, width))
        self.tagging = nn.Linear(width, tag_count)
        self.condition = nn.Linear(width, 1)
        nn.init.constant_(self.condition.bias, -4.0)  # most words are no condition

    def sentence_and_words(self, batch: Batch) -> tuple[torch.Tensor, torch.Tensor]:
        """Return unit sentence vectors (texts, width) and word vectors (texts, words, width)."""
        tokens = self.encoder(input_ids=batch.ids, attention_mask=batch.mask).last_hidden_state
        weights = batch.mask.unsqueeze(-1).float()
        sentence = nn.functional.normalize((tokens * weights).sum(1) / weights.sum(1), dim=-1)
        count = batch.tags.shape[1]
        members = nn.functional.one_hot(batch.words + 1, count + 1)[:, :, 1:].float()
        sums = torch.einsum("btw,btd->bwd", members, tokens)
        return sentence, sums / members.sum(1).clamp(min=1.0).unsqueeze(-1)

    def losses(self, batch: Batch) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Return the losses of the classes, of the tags, and of the conditions."""
        sentence, words = self.sentence_and_words(batch)
        cosines = sentence @ nn.functional.normalize(self.directions, dim=-1).T
        by_class = nn.functional.cross_entropy(
            SCALE * cosines, batch.classes, label_smoothing=SMOOTHING, ignore_index=_UNKNOWN
        )
        by_tag = nn.functional.cross_entropy(
            self.tagging(words).flatten(0, 1), batch.tags.flatten(), ignore_index=_UNKNOWN
        )
        count = batch.words.max(1).values + 1
        is_word = torch.arange(words.shape[1])[None] < count[:, None]
        conditions = self.condition(words).squeeze(-1).masked_fill(~is_word, -30.0).logsumexp(1)
        is_known = batch.conditional != _UNKNOWN
        by_condition = nn.functional.binary_cross_entropy_with_logits(
            conditions[is_known], batch.conditional[is_known].float()
        )
        return by_class, by_tag, by_condition if is_known.any() else by_class.new_zeros(())


def main(arguments: Sequence[str]) -> None:
    """Train and write the tuned encoder."""
    weights, texts_folder, output = (Path(word) for word in arguments)
    torch.manual_seed(SEED)
    torch.set_num_threads(2)
    epochs = [_lines(file) for file in sorted(texts_folder.glob("texts-*.jsonl"))]
    classes = sorted({line["label"] for line in epochs[0]} - {None})
    tags = [OUTSIDE, *sorted({tag for lines in epochs for line in lines for tag in line["tags"] or ()} - {OUTSIDE})]
    tokenizer = AutoTokenizer.from_pretrained(weights)
    model = TunedEncoder(AutoModel.from_pretrained(weights, add_pooling_layer=False), len(classes), len(tags))
    model.encoder.embeddings.word_embeddings.weight.requires_grad = False
    first = list(_batches(epochs[0], tokenizer, classes, tags, Random(SEED)))
    _point_at_means(model, first)
    _train(model, epochs, tokenizer, classes, tags)
    output.mkdir(parents=True, exist_ok=True)
    model.encoder.save_pretrained(output)
    tokenizer.save_pretrained(output)
    np.savez(
        output / "tagger.npz",
        names=np.frombuffer(json.dumps(tags).encode(), dtype=np.uint8),
        weights=_as_array(model.tagging),
        condition=_as_array(model.condition),
    )


def _as_array(layer: nn.Linear) -> Any:  # noqa: ANN401 - torch has no types here
    """Return a layer's weights, the bias as the last row."""
    rows = [layer.weight.detach().numpy().T, layer.bias.detach().numpy()[None]]
    return np.concatenate(rows).astype(np.float16)


def _train(
    model: TunedEncoder,
    epochs: Sequence[Sequence[dict[str, Any]]],
    tokenizer: Any,  # noqa: ANN401 - transformers has no types
    classes: Sequence[str],
    tags: Sequence[str],
) -> None:
    heads = [model.directions, *model.tagging.parameters(), *model.condition.parameters()]
    body = [one for one in model.encoder.parameters() if one.requires_grad]
    optimizer = torch.optim.AdamW(
        [{"params": body, "lr": ENCODER_RATE}, {"params": heads, "lr": HEADS_RATE}], weight_decay=0.01
    )
    step_count = sum((len(lines) + BATCH - 1) // BATCH for lines in epochs)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer,
        lambda step: min(
            (step + 1) / (WARM_UP * step_count), max(0.0, (step_count - step) / (step_count * (1 - WARM_UP)))
        ),
    )
    model.train()
    started, step = time.monotonic(), 0
    for number, lines in enumerate(epochs):
        sums = [0.0, 0.0, 0.0]
        for batch in _batches(lines, tokenizer, classes, tags, Random(SEED + number)):
            by_class, by_tag, by_condition = model.losses(batch)
            optimizer.zero_grad(set_to_none=True)
            (by_class + TAGGING_WEIGHT * by_tag + CONDITION_WEIGHT * by_condition).backward()
            nn.utils.clip_grad_norm_([*body, *heads], 1.0)
            optimizer.step()
            schedule.step()
            step += 1
            sums = [total + loss.item() for total, loss in zip(sums, (by_class, by_tag, by_condition), strict=True)]
            if step % 50 == 0:
                print(f"  step {step} of {step_count}, {time.monotonic() - started:.0f} s", flush=True)
        count = (len(lines) + BATCH - 1) // BATCH
        means = ", ".join(f"{total / count:.3f}" for total in sums)
        print(f"epoch {number + 1}: losses of classes, tags, conditions {means}", flush=True)
    model.eval()


def _point_at_means(model: TunedEncoder, batches: Sequence[Batch]) -> None:
    """Each class's direction starts at the mean of its sentences."""
    model.eval()
    with torch.no_grad():
        for batch in batches:
            sentence, _ = model.sentence_and_words(batch)
            is_known = batch.classes != _UNKNOWN
            model.directions.index_add_(0, batch.classes[is_known], sentence[is_known])
        model.directions.copy_(nn.functional.normalize(model.directions, dim=-1))


def _batches(
    lines: Sequence[dict[str, Any]],
    tokenizer: Any,  # noqa: ANN401 - transformers has no types
    classes: Sequence[str],
    tags: Sequence[str],
    random: Random,
) -> Iterator[Batch]:
    """Yield batches of about the same length each, in a random order."""
    class_of, tag_of = {name: i for i, name in enumerate(classes)}, {name: i for i, name in enumerate(tags)}
    coded = tokenizer(
        [line["text"].split() or ["?"] for line in lines],
        is_split_into_words=True,
        truncation=True,
        max_length=LONGEST_TOKENS,
    )
    ids: list[list[int]] = coded["input_ids"]
    order = sorted(range(len(lines)), key=lambda index: (len(ids[index]), random.random()))
    groups = [order[start : start + BATCH] for start in range(0, len(order), BATCH)]
    random.shuffle(groups)
    for group in groups:
        length = max(len(ids[index]) for index in group)
        word_count = max(len(lines[index]["text"].split()) or 1 for index in group)
        batch = Batch(
            torch.zeros(len(group), length, dtype=torch.long),
            torch.zeros(len(group), length, dtype=torch.long),
            torch.full((len(group), length), -1, dtype=torch.long),
            torch.tensor([class_of.get(lines[index]["label"], _UNKNOWN) for index in group]),
            torch.full((len(group), word_count), _UNKNOWN, dtype=torch.long),
            torch.tensor(
                [_UNKNOWN if lines[i]["conditional"] is None else int(lines[i]["conditional"]) for i in group]
            ),
        )
        for row, index in enumerate(group):
            here = ids[index]
            batch.ids[row, : len(here)] = torch.tensor(here)
            batch.mask[row, : len(here)] = 1
            words = [-1 if word is None else word for word in coded.word_ids(index)]
            batch.words[row, : len(here)] = torch.tensor(words)
            seen = max(words) + 1
            for place, tag in enumerate((lines[index]["tags"] or ())[:seen]):
                batch.tags[row, place] = tag_of[tag]
        yield batch


def _lines(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]


if __name__ == "__main__":
    main(sys.argv[1:])
