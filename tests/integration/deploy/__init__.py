"""What stands in deploy/, run or checked by the programs it is for."""
