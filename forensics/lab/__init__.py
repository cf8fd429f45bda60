"""The call lab: labelled calls, recorded for real and simulated, from one scenario file.

`scenario` says what is said and what goes wrong; `speech` turns the text into samples; `plan` is what the voice AI
sends and when; `path` is what the network does to it. The recorder (`record`) runs the plan through a real browser,
the simulator through a modelled one; both write the same files and the same truth.
"""
