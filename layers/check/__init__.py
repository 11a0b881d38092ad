"""Checking a layer: its gradient, its values, and its behaviour.

`examine` asks the questions in order; each of the other files answers one of them.
"""

from actgrad.layers.check.array_layer import ArrayLayer, FunctionPair
from actgrad.layers.check.examine import check_layer, examine
from actgrad.layers.check.load import layer_texts, load_subject
from actgrad.layers.check.loss_layer import LossLayer
from actgrad.layers.check.python_files import attribute_of, import_place, layers_in
from actgrad.layers.check.report import FAULTS, Finding, GradientCurve, Report
from actgrad.layers.check.script import shortest_texts
from actgrad.layers.check.subject import Subject
