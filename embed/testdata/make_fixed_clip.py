#!/usr/bin/env python3
"""make_fixed_clip.py OUT: the two towers of a very small CLIP with random weights, exported by PyTorch with the batch
fixed at one, as published models are. Needs: pip install torch open_clip_torch onnx"""
import pathlib, sys
import open_clip, torch

torch.manual_seed(0)
torch.backends.mha.set_fastpath_enabled(False)
model = open_clip.CLIP(
    embed_dim=8,
    vision_cfg=dict(image_size=32, patch_size=16, width=16, layers=2, head_width=8),
    text_cfg=dict(context_length=8, vocab_size=32, width=16, heads=2, layers=2)).eval()
# Random weights of the usual size give nearly the same vector for every picture; mixed-up rows would go unnoticed.
with torch.no_grad():
    for p in model.parameters():
        if p.dim() > 1:
            p.mul_(6)


class Visual(torch.nn.Module):
    def __init__(self): super().__init__(); self.m = model
    def forward(self, image): return self.m.encode_image(image, normalize=True)


class Textual(torch.nn.Module):
    def __init__(self): super().__init__(); self.m = model
    def forward(self, text): return self.m.encode_text(text, normalize=True)


out = pathlib.Path(sys.argv[1])
for tower, net, arg, example in (("visual", Visual(), "image", torch.randn(1, 3, 32, 32)),
                                 ("textual", Textual(), "text", torch.tensor([[2, 3, 4, 0, 0, 0, 0, 0]]).int())):
    torch.onnx.export(net, example, str(out / f"fixed_{tower}.onnx"), input_names=[arg], output_names=["embedding"], opset_version=17, dynamo=False)
