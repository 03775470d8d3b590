"""Stand-ins for EHRs of vendors, made from what is published about them."""
