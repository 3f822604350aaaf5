"""IKEv1 (RFC 2407, 2408, 2409) as five tables of each endpoint.

    phase1-initiator, phase1-responder   main and aggressive mode       `ike_phase1`
    quick-initiator, quick-responder     Quick Mode                     `ike_quick`
    informational                        Delete and INITIAL-CONTACT     `ike_info`

What all exchanges share stands in `ike_exchange`.
"""

from __future__ import annotations

from model.ike_info import INFORMATIONAL_TABLE
from model.ike_phase1 import PHASE1_INITIATOR_TABLE, PHASE1_RESPONDER_TABLE
from model.ike_quick import QUICK_INITIATOR_TABLE, QUICK_RESPONDER_TABLE

IKE_TABLES = (PHASE1_INITIATOR_TABLE, PHASE1_RESPONDER_TABLE, QUICK_INITIATOR_TABLE, QUICK_RESPONDER_TABLE, INFORMATIONAL_TABLE)
