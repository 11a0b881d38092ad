"""Answers for people: tables, plots and the page that they are printed on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from actgrad.layers.lazy import lazy_attributes

if TYPE_CHECKING:
    from actgrad.cli.show.ascii import ascii_text
    from actgrad.cli.show.attempts import attempts_answer, attempts_parts, dump_of
    from actgrad.cli.show.axis import Axis, axis_between, rounded_axis
    from actgrad.cli.show.binades import merged_binades, stretch
    from actgrad.cli.show.catalogue import catalogue_answer
    from actgrad.cli.show.check_report import check_answer, check_parts, require_finding_names
    from actgrad.cli.show.check_summary import checks_answer, checks_parts
    from actgrad.cli.show.diagnosis import diagnosis_answer, diagnosis_parts
    from actgrad.cli.show.equations import latex_document, latex_equations, latex_label
    from actgrad.cli.show.excerpt import Excerpt
    from actgrad.cli.show.explanation import explanation_answer
    from actgrad.cli.show.faults import layer_verdict
    from actgrad.cli.show.histogram import Distribution, show_histograms
    from actgrad.cli.show.page import SIGNS, Page, numeral
    from actgrad.cli.show.panel import WRONG, Marks, Panel, drawable, legend, panel_text
    from actgrad.cli.show.parts import Code, Heading, Items, Paragraph, Part, Rows
    from actgrad.cli.show.progress import Bar, at_work
    from actgrad.cli.show.raster import STROKES, Stroke, stroke
    from actgrad.cli.show.scatter import differing
    from actgrad.cli.show.sections import definition_lines, explanation_sections, with_parameters
    from actgrad.cli.show.survey import SurveyReport, survey_answer, survey_parts
    from actgrad.cli.show.table import show_arrays
    from actgrad.cli.show.units import merged_bins
    from actgrad.cli.show.verification import verification_answer
    from actgrad.cli.show.verification_parts import head_parts, result_parts, worst_parts
    from actgrad.cli.show.verified_dump import FilesRead, VerifiedDump


__getattr__ = lazy_attributes(__name__, __file__)
