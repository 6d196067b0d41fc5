"""Small changes to promdrill's own code that a test must notice: ``make mutants``.

Lines that no test runs are easy to find; lines that a test runs without looking at the result are not. So the code is
changed in one place, as a mistake would change it, and the tests that run that line must fail. A change that they let
pass is a survivor: it shows a test that is missing.
"""
