"""The patient a chart is about: RLS, age group, pregnancy, dialysis, iron overload, anaemia."""
