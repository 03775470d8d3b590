"""Load and check the rules and value sets, apply the site's files, and list the rules."""
