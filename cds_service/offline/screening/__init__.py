"""Screening of a population: the decisions of the service over a FHIR Bulk Data export, patient by patient.

    export    the files of a folder, and the pieces that they are worked through in
    line      what a line tells before it is parsed; sieve and vocabulary: which lines the reading can do without
    scope     which lines name restless legs syndrome
    passes    one piece at a time: who may be in scope, their lines, and what these refer to
    spill     lines on disk, by bucket of patients
    patient   `Screener.screen_patient`: the lines of one patient in, one finding out; every engine shares it
    basis     what a finding rests on, for who compares it with another count
    planning  requests for an export of the patients who matter; sql: the same population in SQL on FHIR
    run       the passes in order, in processes, resumed where they were stopped

What lies in the state folder of a run is patient data: the folder is its owner's alone, and goes when the run is over.
"""
