"""The stock exchanges of УТ 10.3, УТ 11 and УНФ 3 as they come out of the box."""
