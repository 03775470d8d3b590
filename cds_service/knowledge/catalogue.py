"""The value sets that the code uses; at start-up each must exist, and there must be no others.

Add a new value set here as well; `tests/unit/cds_service/knowledge/test_valuesets_checked.py` compares the list with
the code.
"""

from __future__ import annotations

VALUE_SETS = frozenset(
    """
    active-cancer acute-kidney-injury akathisia alcohol-disorder ambiguous-iron-disorder anaemia-in-ckd
    anaemia-of-pregnancy anaphylaxis-or-transfusion-reaction b12-deficiency b6-deficiency b6-excess bariatric
    bariatric-procedure blood-donor chemotherapy ckd ckd-stage-3 ckd-stage-4 ckd-stage-5 coeliac copd
    dialysis-dependence dialysis-procedure drug-agg-psy-antidepressant drug-agg-psy-antipsychotic drug-agg-sub
    drug-agg-sub-antiemetic drug-agg-sub-antihistamine drug-antacid drug-anticoagulant drug-b12 drug-b6 drug-biotin
    drug-bisphosphonate drug-bowel-preparation drug-calcium drug-cefdinir drug-chelator drug-colchicine
    drug-comt-inhibitor drug-cycloserine drug-da drug-eltrombopag drug-ergot drug-folate drug-gabapentinoid drug-h2
    drug-integrase-inhibitor drug-iron-binder drug-iron-iv drug-iron-oral drug-isoniazid drug-laxative drug-levodopa
    drug-levothyroxine drug-lithium drug-magnesium-oral drug-metformin drug-methotrexate drug-methyldopa
    drug-mycophenolate drug-nitrous-oxide drug-nsaid drug-opioid drug-penicillamine drug-phosphate-binder
    drug-phosphate-wasting drug-ppi drug-quinolone drug-tetracycline drug-topiramate drug-tramadol drug-vitc
    drug-vitd drug-vitd-active drug-vite drug-vmat2 esrd folate-deficiency g6pd-deficiency gestation-week
    granulomatous-disease haemodialysis-dependence haemodialysis-procedure heart-failure hereditary-overload
    hereditary-telangiectasia homocystinuria hypercalcaemia hypermagnesaemia hyperparathyroidism hypomagnesaemia
    hypophosphataemia inflammatory-bowel iron-adverse-reaction iron-deficiency iron-indication kidney-stone
    kidney-transplant lab-albumin lab-b12 lab-calcium lab-calcium-corrected lab-calcium-ionised lab-creatinine
    lab-crp lab-egfr lab-ferritin lab-folate lab-folate-rbc lab-haemoglobin lab-homocysteine lab-iron lab-iron-panel
    lab-magnesium lab-mcv lab-mma lab-phosphate lab-plp lab-rejected lab-tibc lab-transferrin lab-tsat lab-uibc
    lab-vitd lab-vitd2 lab-vitd3 lactation liver-disease malabsorption malnutrition measure-body-weight
    measure-due-date measure-gestational-age measure-pregnancy-status menorrhagia neuropathy opioid-use order-b12
    order-calcium order-crp order-egfr order-ferritin order-folate order-iron order-iron-panel order-magnesium
    order-mma order-phosphate order-plp order-pth order-tibc order-transferrin order-tsat order-vitd osteoporosis
    overload overload-prone oxalate parkinsonism peritoneal-dialysis-procedure plmd polycythaemia-vera prediabetes
    pregnant primary-hyperoxaluria probable-overload prolactin-disorder puerperal pyridoxine-dependent-epilepsy rls
    rls-by-text-only-code rls-in-pregnancy sepsis sleep-apnoea symptoms-only therapeutic-phlebotomy transfusion
    vitamin-d-deficiency
    """.split()  # noqa: SIM905 - so many names are easier to read without quotes
)
