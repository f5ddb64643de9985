/** The workers that a driver knows, the slots that it holds on them, and what is in these. */
export { Fleet, type FleetNews, type Loss } from './fleet.ts'
export {
  amounts,
  fits,
  fitsIfLarger,
  fitsIfTrusted,
  offerOf,
  shareOf,
  wanted,
  wishOf,
  type Offer,
  type Wish,
} from './offer.ts'
export type { Place, PlaceState } from './place.ts'
export { schedule, type Claimant, type RingNeed } from './placement.ts'
export { Elsewhere, type Lack } from './elsewhere.ts'
export { SlotPosition } from './position.ts'
export type { Slot } from './slots.ts'
