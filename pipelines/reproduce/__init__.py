"""The paper's claims, tested on a finished run: each with an interval over subjects and a verdict by a fixed rule."""
