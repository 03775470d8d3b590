"""Tests of one module or room each: pure, or over Flask's test client. The folders mirror the packages."""
