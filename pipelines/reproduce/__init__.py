"""The paper's claims, asked of a finished run: each with an interval over subjects and a verdict by a fixed rule."""
