-- Do customers come back?
-- By the local month of the first booking: how many booked again in the 1st, 2nd, 3rd and 6th month
-- after it. Null: that month has not begun, or (share) is not over.
SELECT
    cohort_month,
    months_after,
    customers,
    returned,
    CASE WHEN is_complete THEN round(share, 3) END AS final_share
FROM marts.customer_retention
ORDER BY cohort_month DESC, months_after;
