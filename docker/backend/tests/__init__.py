"""Tests that need no services, but for `test_real_services`, which runs where there are some."""
