"""Names of the systems that evaluation scores, and of the differences between them: the model gate, the pages and the
comparisons find their scores by these."""

MODEL, ONE_REFERENCE, SHUFFLED = "objectmate", "objectmate-1-ref", "shuffled-refs"
"""The trained model, the same with a single reference, and the same with another object's references."""
PASTED, PLATE = "copy-paste", "clean-plate"
"""The baselines that need no model: the first reference in the scene's box, and the scene without an object."""
REAL = "real-photograph"
"""Other real photographs of the subject in the result's place, as rows of the scores: the ceiling for any system."""
SYSTEMS = (MODEL, ONE_REFERENCE, SHUFFLED, PASTED, PLATE, REAL)
GAP, VIEW_GAIN, OVER_PASTED = "reference_gap", "view_gain", "over_copy_paste"
"""Paired differences of the model from itself with another object's references, with one reference, and from
copy-paste."""
